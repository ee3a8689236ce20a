"""The critic of objectives that require values: a separate model of the policy's size with a scalar head."""

import copy

import torch
from torch import Tensor, nn

from harness.budget import ModelSize
from harness.collate import Sequences
from harness.policy import Policy


class Critic(nn.Module):
    """V of the state before each sampled token; starts as the policy's trunk, with a head of zeros."""

    def __init__(self, policy: Policy) -> None:
        super().__init__()
        self.trunk = copy.deepcopy(policy.model.get_decoder()).requires_grad_(True)
        self.head = nn.Linear(policy.size.width, 1, device=policy.device)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        embedding = policy.model.get_input_embeddings().weight.numel()
        count = sum(p.numel() for p in self.parameters()) - embedding  # a look-up, no matrix product
        self.size = ModelSize(parameters=count, layers=policy.size.layers, width=policy.size.width)

    def forward(self, sequences: Sequences) -> tuple[Tensor, Tensor]:
        """Values [B, T] float32, 0 on padding; and [B], of the state behind the last sampled token.

        The value at a token is read where the token is *predicted*: it has not been seen yet.
        """
        device = self.head.weight.device
        ids, mask = sequences.input_ids.to(device), sequences.mask.to(device)
        rows, places = sequences.rows.to(device), sequences.places.to(device)
        hidden = self.trunk(input_ids=ids, use_cache=False).last_hidden_state
        value = self.head(hidden.to(self.head.weight.dtype)).squeeze(-1)  # [B, S]
        before = value[rows, places - 1]
        last = places[mask.sum(-1).cumsum(0) - 1]
        behind = value[torch.arange(len(last), device=device), last]
        return before.new_zeros(mask.shape).masked_scatter(mask, before), behind
