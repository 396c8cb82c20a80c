"""Checkpoints in safetensors: weights, the optimiser's moments, and the settings of the run. The newest two are kept.

    OUT/checkpoint-00000500.safetensors
"""
import hashlib
import json
import os
import re

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from .errors import TrainerError

_NAME = re.compile(r"checkpoint-(\d{8})\.safetensors")
_KEPT = 2


def paths(directory):
    """Newest first."""
    try:
        names = os.listdir(directory)
    except FileNotFoundError:
        return []
    found = [(int(match[1]), name) for name in names if (match := _NAME.fullmatch(name))]
    return [os.path.join(directory, name) for _, name in sorted(found, reverse=True)]


def save(directory, step, tensors, state):
    """The file appears under its name when it is complete and on the disk; older ones are removed after that."""
    tensors = {name: values.detach().cpu().contiguous() for name, values in tensors.items()}
    path = os.path.join(directory, f"checkpoint-{step:08d}.safetensors")
    partial = path + ".partial"
    metadata = {"format": "redrafter_torch", "state": json.dumps({**state, "step": step}), "sha256": _digest(tensors)}
    save_file(tensors, partial, metadata=metadata)
    with open(partial, "rb") as file:
        os.fsync(file.fileno())
    os.replace(partial, path)
    for old in paths(directory)[_KEPT:]:
        os.remove(old)
    return path


def remove_leftovers(directory):
    """Files that an interrupted run left half written."""
    for name in os.listdir(directory):
        if name.endswith(".partial") and _NAME.fullmatch(name[:-len(".partial")]) or name == "drafter.gguf.partial":
            os.remove(os.path.join(directory, name))


def load(directory):
    """The newest checkpoint that is whole: tensors, state, path, and a warning for each that is damaged.

    Raises TrainerError where there is none.
    """
    warnings = []
    for path in paths(directory):
        try:
            with safe_open(path, framework="pt") as file:
                tensors = {name: file.get_tensor(name) for name in file.keys()}
                metadata = file.metadata() or {}
            if metadata.get("sha256") != _digest(tensors):
                raise ValueError("its bytes are not those that were written")
            return tensors, json.loads(metadata["state"]), path, warnings
        except (SafetensorError, OSError, ValueError, KeyError) as error:
            warnings.append(f"{path} is damaged ({error}); an older checkpoint is used")
    if warnings:
        raise TrainerError(
            f"{directory}: none of {len(warnings)} checkpoints can be used: {'; '.join(warnings)}",
            "restore one of them from a copy, or start again in an empty directory")
    raise TrainerError(
        f"{directory} holds no checkpoint to go on from", "leave --resume out to start a run there")


def _digest(tensors):
    total = hashlib.sha256()
    for name in sorted(tensors):
        total.update(name.encode())
        total.update(tensors[name].numpy().data)
    return total.hexdigest()
