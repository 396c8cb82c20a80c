"""A training run in a directory: it takes steps, reports, evaluates, saves checkpoints, and leaves a drafter.

    OUT/checkpoint-00000500.safetensors   what a run needs to go on
    OUT/log.jsonl                         a line for each report and evaluation
    OUT/drafter.gguf                      the drafter, at the end
"""
import contextlib
import math
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import torch
from torch.nn.parallel import DistributedDataParallel

from . import checkpoints, inputs
from .errors import TrainerError
from .gguf import write_drafter
from .log import listed
from .preparation import Preparation
from .totals import Totals

LARGEST_FAILURES = 8
# Answers that are asked whether the model is the one that made the data, and the share of places that should agree.
ASKED_ANSWERS, EXPECTED_AGREEMENT = 4, 0.8


class Run(Preparation):
    def run(self):
        """Runs to the end, or until a signal; returns the path of the drafter, None where it was stopped."""
        processes = self.processes
        self._provide_inputs()
        self._say(
            f"Training from iteration {self.step} to {self.iterations}: "
            f"{sum(p.numel() for p in self.drafter.parameters())} parameters, {self.positions} positions, draft "
            f"vocabulary covers {100 * self.vocabulary.coverage:.1f} % of the answers; {processes.count} process(es) "
            f"on {processes.device.type}")
        self.model = self.drafter
        if processes.count > 1:
            self.model = DistributedDataParallel(
                self.drafter, device_ids=[processes.device.index] if processes.is_gpu else None)
        try:
            return self._run()
        finally:
            self.model = None  # it holds on to the group of processes

    def _run(self):
        settings, source = self.settings, self.source
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._stop)
        interval, start = Totals(settings.draft_length), time.monotonic()
        with ThreadPoolExecutor(1) as ahead:
            coming = ahead.submit(source.batch, self.step)
            while self.step < self.iterations:
                batch = coming.result()
                coming = ahead.submit(source.batch, self.step + 1)
                if not self._take_step(batch, interval):
                    if self.step % settings.save_every and self.failures == 0:
                        self._save()
                    self._say("run the same command with --resume to continue")
                    return None
                is_last = self.step == self.iterations
                if self.step % settings.steps_per_report == 0:
                    start = self._report(interval, start)
                    interval = Totals(settings.draft_length)
                if self.step % settings.steps_per_eval == 0 or is_last:
                    start += self._evaluate()
                if is_last:
                    self._check_result()
                # What fails now may have failed since the last step: it must not take the place of a good checkpoint.
                if (self.step % settings.save_every == 0 and self.failures == 0) or is_last:
                    start += self._save()
        return self._finish()

    def _provide_inputs(self):
        if not self.settings.taps and not self.data.has_hidden:
            inputs.recompute_hidden(self.data, self.target, self.directory, self.processes, self._say)
        if not self.processes.is_first:
            return
        agreement = self.target.agreement(self.data, self.data.all_answers()[:ASKED_ANSWERS])
        if agreement < EXPECTED_AGREEMENT:
            self._say(
                f"warning: at {100 * agreement:.0f} % of places only, {self.settings.model} deems the same token most "
                "likely as the model that made the data; is it the same model?")

    def _take_step(self, batch, interval):
        """Returns False where a process was told to stop."""
        processes = self.processes
        weight, rows, stops = processes.sums([batch.weight_sum, batch.state_rows, self.is_stopped])
        if stops:
            return False
        self.optimizer.zero_gradients()
        # DistributedDataParallel takes the mean of gradients, the loss is the mean over the whole batch.
        scale = processes.count / weight if weight > 0 else 0.0
        state_scale = processes.count * self.settings.state_weight / rows if rows > 0 else 0.0
        local = Totals(self.settings.draft_length)
        parts = list(batch.pieces(self.settings.positions_at_once, self.settings.rows_at_once))
        for index, part in enumerate(parts):
            self._loss(part, local, (scale, state_scale), is_last=index == len(parts) - 1)
        local.positions = 0 if batch.is_idle else batch.count
        # A loss that is no number can have a gradient of numbers: those of the terms that have one.
        loss = processes.sums([local.loss_sum])[0]
        applied = math.isfinite(loss) and self.optimizer.update(self.schedule.rate(self.step))
        self.step += 1
        if applied:
            self.failures = 0
            interval.add(local)
            return True
        self.failures += 1
        self._say(f"warning: step {self.step}: loss or gradient is not finite; the step is skipped")
        if self.failures >= LARGEST_FAILURES:
            raise self._diverged(f"loss or gradient was not finite {self.failures} times in a row")
        return True

    def _diverged(self, reason):
        return TrainerError(
            f"step {self.step}: the training has diverged: {reason}; no drafter was written, and the last good "
            "checkpoint is intact", "start again in another directory with a smaller learning rate")

    def _check_result(self):
        """Refuses a drafter that would be written with weights that are no numbers in its file."""
        if self.failures > 0:
            raise self._diverged("loss or gradient was not finite in the last step")
        limit = torch.finfo(torch.float16 if self.settings.type == "f16" else torch.float32).max
        for name, values in self.drafter.state_dict().items():
            # NaN is not below the limit either.
            count = int((~(values.abs() <= limit)).sum())
            if count > 0:
                raise self._diverged(f"{name} holds {count} values that are not finite as {self.settings.type}")

    def _loss(self, part, totals, scales, is_last):
        """Adds a part's loss to the totals and its gradient to the parameters'.

        :param scales: of the guesses' loss and of the states'.
        """
        model, (scale, state_scale) = self.model, scales
        waits = not is_last and isinstance(model, DistributedDataParallel)
        piece = inputs.piece(part, self.target, self.settings.taps, self.processes.device)
        with model.no_sync() if waits else contextlib.nullcontext():
            losses, is_right, probabilities, state_errors = model(piece)
            weights = piece.weights
            if self.settings.survival:
                weights = weights * piece.survival(probabilities)
            (scale * (weights * losses).sum() + state_scale * state_errors).backward()
        totals.count(piece, losses.detach(), is_right, weights, state_errors.detach(), self._state_rows(part))

    def _state_rows(self, part):
        """Rows whose next states are learnt."""
        return part.state_rows if self.settings.state_weight > 0 else 0

    # Reports

    def _report(self, interval, start):
        total = interval.summed(self.processes)
        now = time.monotonic()
        rate = self.schedule.rate(self.step - 1)
        speed = total.positions / max(now - start, 1e-9)
        self._say(
            f"Iteration {self.step}: training loss {total.loss:.3f}, top-1 {listed(total.accuracy)}, learning rate "
            f"{rate:.2e}, {speed:.0f} positions/s")
        if self.processes.is_first:
            self.log.append(
                self.step, loss=total.loss, top1=total.accuracy, learning_rate=rate, positions_per_second=speed,
                state_error=total.state_error)
        return now

    @torch.no_grad()
    def _evaluate(self):
        """Returns the seconds that it took."""
        start = time.monotonic()
        total = Totals(self.settings.draft_length)
        for batch in self.source.held_out():
            for part in batch.pieces(self.settings.positions_at_once, self.settings.rows_at_once):
                piece = inputs.piece(part, self.target, self.settings.taps, self.processes.device)
                losses, is_right, _, state_errors = self.drafter(piece)
                total.count(piece, losses, is_right, piece.weights, state_errors, self._state_rows(part))
        total = total.summed(self.processes)
        if not math.isfinite(total.loss):
            raise self._diverged("the loss on held-out texts is not finite")
        if total.terms > 0:
            self._say(f"Iteration {self.step}: held-out loss {total.loss:.3f}, top-1 {listed(total.accuracy)}")
            if self.processes.is_first:
                self.log.append(
                    self.step,
                    eval={"loss": total.loss, "top1": total.accuracy, "state_error": total.state_error})
        return time.monotonic() - start

    def _save(self):
        start = time.monotonic()
        if self.processes.is_first:
            state = {
                "settings": self.record, "optimizer_step": self.optimizer.steps, "failures": self.failures,
            }
            tensors = {**self.drafter.state_dict(), **self.optimizer.tensors()}
            try:
                path = checkpoints.save(self.directory, self.step, tensors, state)
            except OSError as error:
                raise TrainerError(
                    f"{self.directory}: the checkpoint cannot be written: {error.strerror or error}",
                    "the last complete checkpoint is intact; resume from it when there is room") from None
            self._say(f"saved {path}")
        self.processes.wait()
        return time.monotonic() - start

    def _finish(self):
        path = os.path.join(self.directory, "drafter.gguf")
        if self.processes.is_first:
            write_drafter(
                path, self.drafter, self.vocabulary, self.data.manifest, self.record, self.step, self.settings.type)
            self._say(f"the drafter is {path}; try it: redrafter compare --drafters rnn,none --drafter-model {path}")
        self.processes.wait()
        return path

    def _stop(self, number, frame):
        self.is_stopped = True
