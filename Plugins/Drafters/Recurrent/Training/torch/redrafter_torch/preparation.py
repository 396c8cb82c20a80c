"""What a run begins with: its directory, the data, the model, a drafter with first weights or those of a checkpoint."""
import fcntl
import os
import sys

import torch

from . import checkpoints
from .batches import BatchReader, BatchSource
from .data import Data
from .drafter import Drafter, DrafterSizes, LayerSizes
from .errors import TrainerError
from .initial import set_initial_values
from .log import Log
from .manifest import digest
from .optimizer import Optimizer, Schedule
from .settings import differences, record
from .start import Start
from .target import Target
from .vocabulary import DraftVocabulary


class Preparation:
    """:param settings: the flags. :param processes: of the run."""

    def __init__(self, settings, processes):
        self.settings, self.processes = settings, processes
        self.directory = settings.output
        self._lock = None
        self.is_stopped = False

    def prepare(self):
        """Reads all inputs; nothing is computed yet. Raises TrainerError where something does not fit."""
        self._prepare_output()
        self._prepare_data()
        self._prepare_drafter()
        self._begin_or_restore()

    def close(self):
        """Lets others write into the directory."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    # Beginning

    def _prepare_output(self):
        if not self.processes.is_first:
            return
        try:
            os.makedirs(self.directory, exist_ok=True)
            # Neither followed nor emptied: whatever has this name keeps what it holds.
            self._lock = os.open(
                os.path.join(self.directory, "lock"), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TrainerError(f"{self.directory} is locked by another process, which writes into it") from None
        except OSError as error:
            raise TrainerError(f"{self.directory} cannot be written to: {error.strerror}") from None
        if not self.settings.resume and any(name.startswith("checkpoint-") and not name.endswith(".partial")
                                            for name in os.listdir(self.directory)):
            raise TrainerError(
                f"{self.directory} holds checkpoints of a run", "go on with --resume, or use another directory")
        checkpoints.remove_leftovers(self.directory)

    def _prepare_data(self):
        settings = self.settings
        data = Data(settings.data, settings.tokens)
        self.data = data
        if len(data.parts) < len(settings.data):
            self._say(
                f"warning: {settings.tokens} tokens are reached before {settings.data[len(data.parts)]} is read")
        # All processes read the same files: one of them checks.
        self.digest = digest(data.parts) if self.processes.is_first else None
        dtype = torch.bfloat16 if self.processes.is_gpu else torch.float32
        self.target = Target(settings.model, self.processes.device, dtype)
        self.target.check(data.manifest)
        layers = data.manifest.fingerprint["num_hidden_layers"]
        if settings.taps and settings.taps[-1] >= layers:
            raise TrainerError(
                f"--taps is {','.join(map(str, settings.taps))}; allowed: layers 0 to {layers - 1} of this model")
        if settings.taps and settings.context_adds and settings.taps[-1] < layers - 1:
            raise TrainerError(
                f"--taps is {','.join(map(str, settings.taps))}; allowed: with --context-adds, lists that end with the "
                f"model's last layer, {layers - 1}")
        if settings.taps:
            self.target.check_context(data)
        self.positions = positions = len(data.roots(False, settings.skip_loops))
        if positions < settings.batch_size:
            raise TrainerError(
                f"the data has {positions} positions to train on, one step takes {settings.batch_size}",
                "make more data, or use smaller batches")
        self.start = tokens = None
        if settings.start:
            self.start = Start(settings.start)
            self.start.check(data.manifest)
            tokens = self.start.tokens(data.manifest.fingerprint["vocab_size"])
        self.vocabulary = DraftVocabulary(data, settings.draft_vocab, tokens)
        processes = self.processes
        self.source = BatchSource(
            BatchReader(data, self.vocabulary, settings), settings, processes.rank, processes.count)
        self.iterations = settings.iters or max(1, self.source.steps_per_epoch)
        self.schedule = Schedule(settings.learning_rate, min(settings.warmup, self.iterations // 2), self.iterations)
        self.record = record(
            settings, self.iterations, data, self.digest, len(self.vocabulary.tokens), self.start and self.start.digest)

    def _prepare_drafter(self):
        settings, target, config = self.settings, self.target, self.target.config
        layer = None
        if settings.taps and settings.context_layer:
            sizes = target.sizes
            layer = LayerSizes(
                sizes["num_attention_heads"], sizes["num_key_value_heads"], target.head_dimension,
                sizes["intermediate_size"], target.rotary_base)
        sizes = DrafterSizes(
            hidden=config.hidden_size, exit=settings.exit_dim or config.hidden_size, layers=settings.layers,
            vocabulary=len(self.vocabulary.tokens), taps=settings.taps, norms_taps=settings.tap_norm, layer=layer,
            adds_to_hidden=bool(settings.taps) and settings.context_adds, norm_epsilon=float(config.rms_norm_eps),
            copy_lengths=settings.copy_lengths)
        self.drafter = Drafter(sizes, target.embedding()).to(self.processes.device)
        self.optimizer = Optimizer(self.drafter, settings.weight_decay, settings.context_rate)

    def _begin_or_restore(self):
        self.step = self.failures = 0
        if self.settings.resume:
            tensors, state, path, warnings = checkpoints.load(self.directory)
            for warning in warnings:
                self._say(f"warning: {warning}")
            stored = state["settings"]
            if not self.processes.is_first:
                stored["data"]["sha256"] = None  # the first process compares it
            changes = differences(stored, self.record)
            if changes:
                raise TrainerError(
                    f"{path}: {changes[0]}", "resume with the same settings, or use another directory")
            self.step, self.failures = state["step"], state["failures"]
            self.drafter.load_state_dict({name: tensors[name] for name in self.drafter.state_dict()})
            self.optimizer.restore(tensors, state["optimizer_step"])
        else:
            set_initial_values(self.drafter, self.target, self.vocabulary, self.settings.seed)
            if self.start:
                self.start.give_weights(self.drafter)
        if self.processes.is_first:
            self.log = Log(os.path.join(self.directory, "log.jsonl"), self.step)

    def _say(self, text):
        if self.processes.is_first:
            print(text, file=sys.stderr, flush=True)
