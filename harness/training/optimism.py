"""Optimism: a step follows its gradient plus a multiple of the gradient's change since the previous step."""

import torch
from torch import Tensor

PREVIOUS = "previous_gradient"
"""The key of the previous gradient in the optimiser's state, so that a checkpoint includes it."""

Gradients = dict[torch.nn.Parameter, Tensor]


def extrapolate(optimizer: torch.optim.Optimizer, optimism: float) -> Gradients:
    """Replace each gradient ``g`` by ``g + optimism (g - g')``, where ``g'`` is the gradient of the previous step.

    Without a previous step, ``g`` is unchanged. Returns the original gradients for :func:`remember` after the step.
    Previous gradients are released one by one, so that at most one additional gradient is in memory.
    """
    plain: Gradients = {}
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            if parameter.grad is not None:
                now = plain[parameter] = parameter.grad
                before = optimizer.state[parameter].pop(PREVIOUS, now) if parameter in optimizer.state else now
                parameter.grad = now + optimism * (now - before)  # a new tensor: clipping works in place
    return plain


def remember(optimizer: torch.optim.Optimizer, plain: Gradients) -> None:
    """Keep the gradients for the next step.

    Call this after the step, because an optimiser only initialises the state of a parameter if it is empty.
    """
    for parameter, gradient in plain.items():
        optimizer.state[parameter][PREVIOUS] = gradient
