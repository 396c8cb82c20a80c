"""AdamW with a gradient clipped by its norm, and the learning rate of each step: those of the Swift trainer."""
import math

import torch

LARGEST_NORM = 1.0
# What the learning rate of a few numbers that all positions share is multiplied by.
COPY_RATE = 4.0


class Optimizer:
    """Matrices are decayed, biases and norms are not.

    :param context_rate: what the learning rate of the context block is multiplied by.
    """

    def __init__(self, drafter, weight_decay, context_rate):
        self._named = dict(drafter.named_parameters())
        groups = {}
        for name, parameter in self._named.items():
            is_matrix = parameter.dim() > 1
            rates = {"context": context_rate, "copy": COPY_RATE}
            key = (rates.get(name.split(".")[0], 1.0), weight_decay if is_matrix else 0.0)
            groups.setdefault(key, []).append(parameter)
        self._adam = torch.optim.AdamW(
            [
                {"params": parameters, "rate_scale": scale, "weight_decay": decay}
                for (scale, decay), parameters in groups.items()
            ],
            betas=(0.9, 0.95), eps=1e-8)
        self.steps = 0

    def zero_gradients(self):
        self._adam.zero_grad(set_to_none=False)

    def update(self, learning_rate):
        """One step. Returns False where the norm of the gradient is not finite: nothing was changed then."""
        gradients = [p.grad for p in self._named.values()]
        norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients))).item()
        if not math.isfinite(norm):
            return False
        if norm > LARGEST_NORM:
            torch._foreach_mul_(gradients, LARGEST_NORM / norm)
        for group in self._adam.param_groups:
            group["lr"] = learning_rate * group["rate_scale"]
        self._adam.step()
        self.steps += 1
        return True

    def tensors(self):
        """Running means of gradients and of their squares, by names of parameters."""
        result = {}
        for name, parameter in self._named.items():
            state = self._adam.state.get(parameter, {})
            for prefix, key in (("adam.first.", "exp_avg"), ("adam.second.", "exp_avg_sq")):
                result[prefix + name] = state.get(key, torch.zeros_like(parameter))
        return result

    def restore(self, tensors, steps):
        self.steps = steps
        for name, parameter in self._named.items():
            # Moments lie where the parameter lies; the optimiser counts steps in a tensor of its own.
            self._adam.state[parameter] = {
                "step": torch.tensor(float(steps)),
                "exp_avg": tensors["adam.first." + name].to(parameter.device).clone(),
                "exp_avg_sq": tensors["adam.second." + name].to(parameter.device).clone(),
            }


class Schedule:
    """Up in a straight line, then down along a cosine to a twentieth of the peak."""

    FLOOR = 0.05

    def __init__(self, peak, warmup, total):
        self.peak, self.warmup, self.total = peak, warmup, total

    def rate(self, step):
        if step < self.warmup:
            return self.peak * (step + 1) / self.warmup
        progress = min(1.0, (step - self.warmup) / max(1, self.total - 1 - self.warmup))
        return self.peak * (self.FLOOR + (1 - self.FLOOR) * 0.5 * (1 + math.cos(math.pi * progress)))
