"""`log.jsonl` with the members of the Swift trainer's, and lines for people."""
import json
import math
import os


class Log:
    """One JSON object a line, each with the member `step`. Lines of steps that a resumed run repeats are cut off."""

    def __init__(self, path, kept_through):
        self.path = path
        lines = []
        if os.path.exists(path):
            with open(path, encoding="utf-8", errors="replace") as file:
                lines = [line for line in file if _step(line) <= kept_through]
        partial = path + ".partial"
        with open(partial, "w", encoding="utf-8") as file:
            file.writelines(lines)
        os.replace(partial, path)

    def append(self, step, **members):
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(_finite({"step": step, **members}), separators=(",", ":")) + "\n")


def _step(line):
    """Damaged lines are cut off, too."""
    try:
        step = json.loads(line)["step"]
        return step if isinstance(step, int) and line.endswith("\n") else math.inf
    except (ValueError, KeyError, TypeError):
        return math.inf


def _finite(value):
    """NaN and infinities become null."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def listed(shares):
    return " ".join(f"{share:.3f}" for share in shares)
