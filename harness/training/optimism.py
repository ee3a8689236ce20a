"""Optimism: a step follows its gradient, and some of how that has changed since the step before."""

import torch
from torch import Tensor

PREVIOUS = "previous_gradient"
"""What the optimiser's state calls the gradient of the step before, so that a checkpoint has it."""

Gradients = dict[torch.nn.Parameter, Tensor]


def extrapolate(optimizer: torch.optim.Optimizer, optimism: float) -> Gradients:
    """Put ``g + optimism (g - g')`` in place of each gradient ``g``, ``g'`` that of the step before, if there is one.

    Returns the gradients as they were, for :func:`remember` once the step is taken. Those of the step before are
    dropped one by one on the way, so that at most one gradient more is held.
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

    Call it after the step: an optimiser makes a parameter's state only where that state is still empty.
    """
    for parameter, gradient in plain.items():
        optimizer.state[parameter][PREVIOUS] = gradient
