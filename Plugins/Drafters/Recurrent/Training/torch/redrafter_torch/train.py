"""`torchrun --nproc_per_node N -m redrafter_torch.train …`, or `python -m redrafter_torch.train …` for one process."""
import sys

from .errors import TrainerError


def main(arguments=None):
    try:
        import torch
    except ImportError as error:
        print(f"error: PyTorch cannot be loaded: {error}\n  hint: pip install torch", file=sys.stderr)
        return 1
    from .processes import Processes, fail
    from .run import Run
    from .settings import parse
    try:
        settings = parse(arguments)
        if settings.threads:
            torch.set_num_threads(settings.threads)
        torch.set_float32_matmul_precision("high")  # of consequence on GPUs only
        processes = Processes(settings.device)
    except TrainerError as error:
        return fail(error)
    run, problem = Run(settings, processes), None
    try:
        run.prepare()
    except TrainerError as error:
        problem = str(error)
    try:
        processes.agree(problem)
        return 0 if run.run() else 130
    except TrainerError as error:
        return fail(error)
    finally:
        run.close()
        processes.close()


if __name__ == "__main__":
    sys.exit(main())
