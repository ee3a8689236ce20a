"""Log-probabilities are those of the full softmax at the sampling temperature, whichever way they are computed."""

from pathlib import Path

import pytest
import torch

import harness.models.token_logp
from harness.config.settings import ModelSettings
from harness.models.loading import load_policy
from harness.models.policy import Policy
from harness.models.sequences import Sequences

PAIRS = [((4, 13, 5, 14), (2, 9, 1)), ((3, 13, 3, 13, 3, 14), (6, 13, 3, 14, 9, 15, 2, 1)), ((5, 14), (1,))]
PAIRS += [(PAIRS[1][0], (7, 1))]  # a prompt that two pairs share


@pytest.fixture(scope="module")
def policy() -> Policy:
    return load_policy(ModelSettings(path="embedded:tiny-arithmetic", device="cpu", dtype="float32"), temperature=0.7)


def one_by_one(policy: Policy, prompt: tuple[int, ...], completion: tuple[int, ...]) -> torch.Tensor:
    """The definition: no padding, no batch, and the model's own logits."""
    ids = torch.tensor([[*prompt, *completion]])
    logits = policy.model(input_ids=ids).logits[0, len(prompt) - 1 : -1] / 0.7
    return logits.log_softmax(-1)[torch.arange(len(completion)), torch.tensor(completion)]


def test_logp_is_the_definition_and_zero_on_padding(policy: Policy) -> None:
    sequences = Sequences.of(PAIRS)
    logp = policy.logp(sequences)
    assert logp.shape == sequences.mask.shape == (4, 8)
    for row, (prompt, completion) in enumerate(PAIRS):
        expected = one_by_one(policy, prompt, completion)
        torch.testing.assert_close(logp[row, : len(completion)], expected, atol=1e-5, rtol=1e-5)
        assert (logp[row, len(completion) :] == 0).all()


def test_chunks_of_logits_change_neither_value_nor_gradient(policy: Policy, monkeypatch: pytest.MonkeyPatch) -> None:
    def value_and_gradient() -> tuple[torch.Tensor, torch.Tensor]:
        policy.model.zero_grad()
        logp = policy.logp(Sequences.of(PAIRS))
        (logp**2).sum().backward()
        return logp.detach(), policy.model.get_input_embeddings().weight.grad.clone()

    whole = value_and_gradient()
    monkeypatch.setattr(harness.models.token_logp, "LOGITS_AT_ONCE", 5 * 16)
    monkeypatch.setattr(harness.models.token_logp, "TOKENS_AT_ONCE", 3)
    for ours, theirs in zip(value_and_gradient(), whole, strict=True):
        torch.testing.assert_close(ours, theirs, atol=2e-4, rtol=2e-4)


def test_the_reference_stays_when_the_policy_moves(policy: Policy) -> None:
    moving = Policy(policy.reference().model.requires_grad_(True), policy.tokenizer, 0.7)
    reference = moving.reference()
    before = reference.logp(Sequences.of(PAIRS))
    with torch.no_grad():
        for parameter in moving.model.parameters():
            parameter.mul_(1.1)
    assert not before.requires_grad
    assert torch.equal(reference.logp(Sequences.of(PAIRS)), before)
    assert not torch.allclose(moving.logp(Sequences.of(PAIRS)), before)


def test_size_counts_a_tied_embedding_once(policy: Policy) -> None:
    assert policy.size.parameters == sum(p.numel() for p in policy.model.parameters()) < 1_000_000
    assert (policy.size.layers, policy.size.width) == (3, 96)
    # 2 N S + 2 L d S^2 for two sequences
    assert policy.size.forward_flops([10, 20]) == 2 * 333984 * 30 + 2 * 3 * 96 * 500


def test_a_saved_policy_is_the_same_policy(policy: Policy, tmp_path: Path) -> None:
    policy.save(tmp_path)
    assert not list(tmp_path.glob("*.bin"))  # only safetensors
    assert (
        load_policy(ModelSettings(path=str(tmp_path), device="cpu", dtype="float32"), 0.7).fingerprint()
        == policy.fingerprint()
    )


def test_the_fingerprint_sees_one_bit(policy: Policy) -> None:
    other = policy.reference()
    with torch.no_grad():
        next(other.model.parameters()).view(torch.int32)[0, 0] ^= 1
    assert other.fingerprint() != policy.fingerprint()
