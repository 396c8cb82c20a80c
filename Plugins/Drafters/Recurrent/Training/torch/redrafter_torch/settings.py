"""The flags: those of `redrafter train rnn` with its defaults, and a few that only this trainer has."""
import argparse
import math

from .errors import TrainerError


def parser():
    result = argparse.ArgumentParser(
        prog="python -m redrafter_torch.train",
        description="Trains Redrafter's recurrent drafter on answers that `redrafter distill generate` wrote. Run it "
        "with torchrun for several GPUs.")
    add = result.add_argument
    add("--data", required=True, action="append", metavar="DIR",
        help="directory made by `redrafter distill generate`; give it again for more data of the same model")
    add("-m", "--model", required=True, metavar="FOLDER", help="the model in the format of Hugging Face")
    add("-o", "--output", required=True, metavar="OUT", help="directory for the run")
    add("--start", metavar="FILE",
        help="begin with the weights of this drafter.gguf (F16 or F32); what it has not, as a context block, begins as "
        "without it; the draft vocabulary is its own")
    add("--resume", action="store_true", help="go on from the newest checkpoint in the output directory")

    add("--iters", type=int, metavar="N", help="optimiser steps; without it, one epoch")
    add("--batch-size", type=int, default=512, metavar="N",
        help="positions in each step, of all processes; with --taps, those of N / --text-positions texts (512)")
    add("--learning-rate", type=float, default=3e-3, metavar="X", help="peak learning rate (0.003)")
    add("--warmup", type=int, default=100, metavar="N", help="steps until the learning rate peaks (100)")
    add("--weight-decay", type=float, default=0.01, metavar="X", help="weight decay of matrices (0.01)")
    add("--draft-length", type=int, default=4, metavar="N", help="draft steps to learn (4)")
    add("--exit-dim", type=int, metavar="N", help="input size of the drafter's head; without it, the hidden size")
    add("--layers", type=int, default=2, metavar="N", help="residual blocks of the head (2)")
    add("--taps", default="", metavar="LIST",
        help="a context block that reads the outputs of these layers, counted from 0: 8,18,29")
    add("--tap-norm", action=argparse.BooleanOptionalAction, default=True, help="norm each tap")
    add("--context-layer", action=argparse.BooleanOptionalAction, default=True,
        help="give the context block a decoder layer with attention over the text")
    add("--context-rate", type=float, default=0.1, metavar="X",
        help="learning rate of the context block relative to the rest; what suits the rest upsets it (0.1)")
    add("--context-adds", action=argparse.BooleanOptionalAction, default=False,
        help="let the context block add to the model's hidden state; without it, it takes that one's place")
    add("--state-weight", type=float, default=0.0, metavar="X",
        help="let a context block that adds also guess the model's next hidden state: weight of the squared error (0)")
    add("--text-positions", type=int, default=64, metavar="N",
        help="positions of a text in each step at most, with --taps, spread over all of it (64)")
    add("--step-share", type=float, default=1.0, metavar="P",
        help="share of the draft steps of a position that are learnt at a time, chosen at random (1)")
    add("--copy-lengths", type=int, default=8, metavar="N",
        help="let tokens that followed the same tokens earlier in the text become likelier: lengths of such matches that "
        "are told apart; 0 to copy nothing (8)")
    add("--draft-vocab", type=int, default=8192, metavar="N", help="tokens it predicts; 0 for all (8192)")
    add("--loss", choices=("kd", "ce"), default="kd", help="the model's distribution, or the token that came (kd)")
    add("--label-temp", type=float, default=1.0, metavar="T", help="below 1 sharpens the model's distribution (1)")
    add("--step-decay", type=float, default=0.9, metavar="X", help="weight of each step's loss after another (0.9)")
    add("--survival", action="store_true",
        help="also weigh each step's loss by the drafter's own probability of the tokens before it")
    add("--skip-loops", action="store_true",
        help="leave out what repeats at the end of answers: small models loop until the limit of the length")
    add("--steps-per-report", type=int, default=20, metavar="N", help="(20)")
    add("--steps-per-eval", type=int, default=500, metavar="N", help="(500)")
    add("--save-every", type=int, default=500, metavar="N", help="steps between two checkpoints (500)")
    add("--tokens", type=int, metavar="N", help="use only this many tokens of the data")
    add("--seed", type=int, default=0, metavar="N", help="of initial weights and order (0)")
    add("-t", "--threads", type=int, metavar="N", help="threads of each process on the CPU")

    own = result.add_argument_group("this trainer only")
    own.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="(auto)")
    own.add_argument("--type", choices=("f16", "f32"), default="f16", help="of the matrices in drafter.gguf (f16)")
    own.add_argument("--positions-at-once", type=int, default=4096, metavar="N",
                     help="positions of a process in one pass; fewer take less memory (4096)")
    own.add_argument("--rows-at-once", type=int, default=16384, metavar="N",
                     help="rows of texts in one pass, padding included, with --taps (16384)")
    return result


def parse(arguments=None):
    settings = parser().parse_args(arguments)
    settings.taps = _layers(settings.taps)
    _validate(settings)
    return settings


def _layers(text):
    try:
        taps = tuple(int(part) for part in text.split(",")) if text else ()
    except ValueError:
        taps = (-1,)
    if any(tap < 0 for tap in taps) or len(taps) > 16 or list(taps) != sorted(set(taps)):
        raise TrainerError(f"--taps is '{text}'; allowed: up to 16 layers from 0, ascending, as in 8,18,29")
    return taps


def _validate(settings):
    large = 1 << 30

    def check(is_valid, name, allowed):
        if not is_valid:
            got = getattr(settings, name)
            raise TrainerError(f"--{name.replace('_', '-')} is {got}; allowed: {allowed}")

    def integer(name, least, most, may_lack=False):
        value = getattr(settings, name)
        check((may_lack and value is None) or least <= value <= most, name, f"{least} to {most}")

    integer("iters", 1, large, may_lack=True)
    integer("batch_size", 1, 1 << 20)
    integer("warmup", 0, large)
    integer("draft_length", 1, 16)
    integer("exit_dim", 1, 1 << 16, may_lack=True)
    integer("layers", 0, 16)
    integer("copy_lengths", 0, 32)
    integer("draft_vocab", 0, 1 << 24)
    integer("text_positions", 1, 1 << 16)
    for name in ("steps_per_report", "steps_per_eval", "save_every", "positions_at_once", "rows_at_once"):
        integer(name, 1, large)
    integer("tokens", 1, 1 << 40, may_lack=True)
    integer("seed", 0, (1 << 64) - 1)
    integer("threads", 1, 1024, may_lack=True)
    for name in ("learning_rate", "context_rate", "label_temp"):
        value = getattr(settings, name)
        check(math.isfinite(value) and value > 0, name, "a number above 0")
    check(math.isfinite(settings.weight_decay) and settings.weight_decay >= 0, "weight_decay", "a number from 0")
    check(0 < settings.step_decay <= 1, "step_decay", "above 0 and up to 1")
    check(math.isfinite(settings.state_weight) and settings.state_weight >= 0, "state_weight", "a number from 0")
    check(settings.state_weight == 0 or settings.context_adds, "state_weight",
          "0 without --context-adds: only there the block guesses states")
    if not settings.taps:
        allowed = "only with --taps, which give the drafter a context block"
        check(not settings.context_adds, "context_adds", allowed)
        check(settings.tap_norm, "tap_norm", allowed)
        check(settings.context_layer, "context_layer", allowed)
    check(0 < settings.step_share <= 1, "step_share", "above 0 and up to 1")
    check(settings.step_share == 1 or not settings.survival, "step_share", "1 with --survival, which needs all steps")


def record(settings, iterations, data, digest, vocabulary_size, start=None):
    """What a resumed run must share with the one before, with the names of the Swift trainer's record.

    :param digest: of the data. :param vocabulary_size: tokens that the drafter predicts.
    :param start: digest of the drafter that it begins with.
    """
    manifest = data.manifest
    return {
        "trainer": "redrafter_torch", "drafter": "recurrent", "iterations": iterations,
        "batch_size": settings.batch_size, "learning_rate": settings.learning_rate, "warmup": settings.warmup,
        "weight_decay": settings.weight_decay, "draft_length": settings.draft_length,
        "exit_dim": settings.exit_dim or manifest.fingerprint["hidden_size"], "layers": settings.layers,
        "taps": list(settings.taps), "tap_norm": settings.tap_norm, "context_layer": settings.context_layer,
        "context_rate": settings.context_rate, "context_adds": settings.context_adds,
        "state_weight": settings.state_weight, "text_positions": settings.text_positions,
        "step_share": settings.step_share,
        **({"copy_lengths": settings.copy_lengths} if settings.copy_lengths > 0 else {}),
        "draft_vocab": vocabulary_size, "loss": _loss(settings), "label_temperature": settings.label_temp,
        "step_decay": settings.step_decay, "seed": str(settings.seed), "start": start,
        "data": {
            "fingerprint": {"tokenizer": manifest.tokenizer, **manifest.fingerprint},
            "settings": data.settings, "tokens": data.rows, "sha256": digest,
        },
    }


def _loss(settings):
    """With what changes it, as Swift's record spells it."""
    return settings.loss + (", survival" if settings.survival else "") + (", no loops" if settings.skip_loops else "")


def differences(stored, current, path=""):
    """The members of two records that are not equal, as sentences."""
    if isinstance(stored, dict) and isinstance(current, dict):
        result = []
        for key in sorted({*stored, *current}):
            result += differences(stored.get(key), current.get(key), f"{path}.{key}" if path else key)
        return result
    return [] if stored == current else [f"{path} was {stored}, it is {current} now"]
