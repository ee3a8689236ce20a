"""The critic, for objectives that require values: a separate model of the policy's size with a scalar head."""

import copy
from dataclasses import replace

from torch import Tensor, nn

from harness.models.hidden import hidden_states
from harness.models.policy import Policy
from harness.models.sequences import Sequences


class Critic(nn.Module):
    """The value of the state before each sampled token. It starts as a copy of the policy's trunk, with a zero head."""

    def __init__(self, policy: Policy) -> None:
        super().__init__()
        self.trunk = copy.deepcopy(policy.decoder)  # has its own adapters if the policy has adapters
        self.precision = policy.precision
        self._layout = policy.layout
        self.head = nn.Linear(policy.size.width, 1, device=policy.device)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        embedding = self.trunk.get_input_embeddings().weight  # a look-up, not a matrix product
        weights = [p for p in self.parameters() if p is not embedding]
        self.size = replace(
            policy.size,
            parameters=sum(p.numel() for p in weights),
            trained=sum(p.numel() for p in weights if p.requires_grad),
        )

    def forward(self, sequences: Sequences) -> Tensor:
        """Values [B, T] float32, 0 on padding.

        The value of a token comes from the position that *predicts* the token, so the token has not been seen.
        """
        here = sequences.to(self.head.weight.device)
        with self.precision():
            hidden = hidden_states(self.trunk, here, here.mask, self._layout)
        flat = self.head(hidden.to(self.head.weight.dtype)).squeeze(-1)
        values: Tensor = flat.new_zeros(here.mask.shape).masked_scatter(here.mask, flat)
        return values
