"""The processes of a run: one that stands alone, or those that `torchrun` started."""
import os
import sys
import time
from datetime import timedelta

import torch
import torch.distributed as dist

from .errors import TrainerError

# One process reads all data to check them while the others wait.
PATIENCE = timedelta(hours=2)


class Processes:
    """Rank and number of processes, and the device of this one."""

    def __init__(self, device):
        self.count = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0"))
        if device == "cuda" and not torch.cuda.is_available():
            raise TrainerError(
                "--device is cuda, but PyTorch finds no GPU", "install PyTorch for your GPU, or use --device cpu")
        if device != "cpu" and torch.cuda.is_available():
            local = int(os.environ.get("LOCAL_RANK", "0"))
            if local >= torch.cuda.device_count():
                raise TrainerError(
                    f"process {local} of this machine has no GPU, there are {torch.cuda.device_count()}",
                    "give torchrun a smaller --nproc_per_node")
            self.device = torch.device("cuda", local)
            torch.cuda.set_device(self.device)
        else:
            self.device = torch.device("cpu")
        if self.count > 1:
            if self.is_gpu:
                dist.init_process_group("nccl", device_id=self.device, timeout=PATIENCE)
            else:
                dist.init_process_group("gloo", timeout=PATIENCE)

    @property
    def is_gpu(self):
        return self.device.type == "cuda"

    @property
    def is_first(self):
        return self.rank == 0

    def sums(self, values):
        """Sums of numbers over all processes, the same in each."""
        if self.count == 1:
            return [float(value) for value in values]
        tensor = torch.tensor(values, dtype=torch.float64, device=self.device)
        dist.all_reduce(tensor)
        return tensor.tolist()

    def agree(self, error):
        """Ends all processes where one has an error; the first process says it."""
        errors = [error]
        if self.count > 1:
            errors = [None] * self.count
            dist.all_gather_object(errors, error)
        found = [error for error in errors if error]
        if found:
            raise TrainerError(found[0])

    def wait(self):
        if self.count > 1:
            dist.barrier()

    def close(self):
        if self.count > 1 and dist.is_initialized():
            dist.destroy_process_group()


def fail(error):
    """Says an error once and returns the exit code. The others wait: torchrun ends all when the first one ends."""
    if int(os.environ.get("RANK", "0")) == 0:
        print(f"error: {error}", file=sys.stderr, flush=True)
    else:
        time.sleep(2)
    return 1
