"""The critic of objectives that require values: a separate model of the policy's size with a scalar head."""

import copy
from dataclasses import replace

import torch
from torch import Tensor, nn

from harness.models.hidden import hidden_states
from harness.models.policy import Policy
from harness.models.sequences import Sequences


class Critic(nn.Module):
    """V of the state before each sampled token; starts as the policy's trunk, with a head of zeros."""

    def __init__(self, policy: Policy) -> None:
        super().__init__()
        self.trunk = copy.deepcopy(policy.decoder)  # with adapters of its own, where the policy has some
        self.precision = policy.precision
        self._shares_prompts = policy.shares_prompts
        self.head = nn.Linear(policy.size.width, 1, device=policy.device)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        embedding = self.trunk.get_input_embeddings().weight  # a look-up, no matrix product
        weights = [p for p in self.parameters() if p is not embedding]
        self.size = replace(
            policy.size,
            parameters=sum(p.numel() for p in weights),
            trained=sum(p.numel() for p in weights if p.requires_grad),
        )

    def forward(self, sequences: Sequences) -> tuple[Tensor, Tensor]:
        """Values [B, T] float32, 0 on padding; and [B], of the state behind the last sampled token.

        The value at a token is read where the token is *predicted*: it has not been seen yet.
        """
        here = sequences.to(self.head.weight.device)
        lengths = here.mask.sum(-1, keepdim=True)
        places = torch.arange(here.mask.shape[1] + 1, device=lengths.device) <= lengths
        with self.precision():
            hidden = hidden_states(self.trunk, here, places, share=self._shares_prompts)
        flat = self.head(hidden.to(self.head.weight.dtype)).squeeze(-1)
        values = flat.new_zeros(places.shape).masked_scatter(places, flat)
        return values[:, :-1].where(here.mask, 0.0), values.gather(-1, lengths).squeeze(-1)
