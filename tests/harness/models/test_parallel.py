"""Sharded models, in processes of their own. They compute, hold and pass on the same as one process."""

from collections.abc import Callable
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.distributed.fsdp import FSDPModule

from harness.config.optimizer import OptimizerSettings
from harness.config.settings import LoraSettings, PolicySettings
from harness.errors import HarnessError
from harness.models.critic import Critic
from harness.models.hidden import BatchLayout, in_one_pass
from harness.models.parallel import accumulating, gathered, like, reshards, shard, whole
from harness.models.policy import Policy
from harness.models.sequences import Sequences
from harness.rollout.engines.engine import Sampling
from harness.rollout.engines.transformers_engine import TransformersEngine
from harness.training.optimizer import make_optimizer
from harness.world import World
from tests.support.families import make
from tests.support.ranks import in_ranks
from tests.support.shard_bytes import ShardBytes, shard_bytes
from tests.support.shards import PAIRS, apart, backward, gradients, load, stored
from tests.support.varlen import on_the_cpu

SPLITS: list[list[list[int]]] = [[[0, 1, 2], [3, 4], []], [[0], [1, 2, 3, 4], []], [[0, 1, 2, 3, 4], [], []]]
"""The sequences of each rank. Their numbers differ, and one rank has none."""
MODELS: dict[str, dict[str, Any]] = {
    "tied embeddings": {},
    "untied embeddings": {"tied": False},
    "adapters": {"training": PolicySettings(lora=LoraSettings(rank=3))},
    "adapters in bfloat16": {"training": PolicySettings(lora=LoraSettings(rank=3)), "dtype": "bfloat16"},
    "layers computed again": {"training": PolicySettings(gradient_checkpointing=True)},
    "results of products kept": {"training": PolicySettings(gradient_checkpointing="selective")},
    "passes in bfloat16": {"dtype": "bfloat16"},
    "experts": {"family": "mixtral"},
    "experts with adapters": {"family": "mixtral", "training": PolicySettings(lora=LoraSettings(rank=3))},
}
LAYER_BY_LAYER = ("tied embeddings", "adapters", "layers computed again", "results of products kept", "experts")
NO_PADDING = ("tied embeddings", "layers computed again")
MEASURED = ("tied embeddings", "adapters in bfloat16", "experts")


def said(policy: Policy, reference: Policy, critic: Critic, engine: TransformersEngine, rank: int) -> list[Any]:
    """The results of every kind of pass. In those of rank 0 alone, it has another number of sequences."""
    sequences = Sequences.of(PAIRS if rank else PAIRS[:3])
    prompts = [prompt for prompt, _ in (PAIRS if rank else [])]
    with torch.no_grad():
        passes = [policy.logp(sequences), reference.logp(sequences), critic(sequences)]
    sampled = engine.generate(prompts, 2, Sampling(temperature=1.0, max_tokens=5), 0)
    return [[tensor.tolist() for tensor in passes], [[one.ids for one in group] for group in sampled]]


def handed_on(policy: Policy, reference: Policy) -> list[Any]:
    """Fingerprints of weights, and the weights that an engine gets."""
    streams = [policy.weights(), reference.weights()]
    hashes = [[(name, sha256(t.float().numpy().tobytes()).hexdigest()) for name, t in stream] for stream in streams]
    return [policy.fingerprint(), reference.fingerprint(), hashes]


def compared(world: World, folder: Path, name: str) -> dict[str, Any]:
    """One model before and after it is sharded."""
    policy = load(folder, **MODELS[name])
    reference, critic = policy.reference(), Critic(policy)
    nn.init.normal_(critic.head.weight, generator=torch.Generator().manual_seed(0))
    engine = TransformersEngine(policy, sample_batch=8)
    engine.sync(policy)
    parts = (policy, reference, critic, engine, world.rank)
    alone, handed, embeddings = said(*parts), handed_on(policy, reference), policy.size
    backward(policy, critic, range(len(PAIRS)))
    expected = gradients(policy.model, critic)
    models = list(dict.fromkeys([reference.model, critic, policy.model]))
    saved = folder / name.replace(" ", "-")
    if world.rank == 0:
        policy.save(saved / "alone")
    for model in models:
        shard(model)
    engine.sync(policy)
    policy.save(saved / "sharded", writes=world.rank == 0)
    with gathered(*models), gathered(policy.model):
        inside = said(*parts)
    found: dict[str, Any] = {"passes": inside == alone, "handed on": handed_on(policy, reference) == handed}
    del policy.__dict__["size"]
    found["size"] = policy.size == embeddings
    found["engine"] = said_by(engine, world.rank) == alone[1]
    found["gradients"] = []
    for split in SPLITS:
        with accumulating(policy.model, critic):
            backward(policy, critic, split[world.rank])
        found["gradients"].append(apart(expected, gradients(policy.model, critic)))
    return found


def said_by(engine: TransformersEngine, rank: int) -> list[Any]:
    """The results of an engine that gathers weights itself."""
    prompts = [prompt for prompt, _ in (PAIRS if rank else [])]
    sampled = engine.generate(prompts, 2, Sampling(temperature=1.0, max_tokens=5), 0)
    return [[one.ids for one in group] for group in sampled]


def layer_by_layer(world: World, folder: Path, name: str, layout: BatchLayout = "shared") -> list[float]:
    """A model that gathers one layer at a time. All ranks make the same number of passes."""
    policy = load(folder, **MODELS[name])
    policy.layout = "whole"
    critic = Critic(policy)
    backward(policy, critic, range(len(PAIRS)))
    expected = gradients(policy.model, critic)
    policy.layout = critic._layout = in_one_pass(layout)
    for model in (critic, policy.model):
        shard(model, reshard=True)
        assert reshards(model)
    found = []
    for split in SPLITS:
        most, mine = max(map(len, split)), split[world.rank]
        with accumulating(policy.model, critic):
            for turn in range(most):
                one = Sequences.of([PAIRS[mine[turn] if turn < len(mine) else 0]])
                loss = policy.logp(one).sum() + (critic(one) ** 2).sum()
                (loss if turn < len(mine) else loss * 0).backward()
        found.append(apart(expected, gradients(policy.model, critic)))
    return found


def held(world: World, folder: Path, name: str) -> tuple[ShardBytes, dict[str, int]]:
    """The memory that a rank holds, by the formulas and in fact."""
    policy = load(folder, **MODELS[name])
    model, formula = policy.model, shard_bytes(policy.model, world.size)
    shard(model)
    optimizer = make_optimizer(OptimizerSettings(), {"policy": model})
    found = {"weights": stored(model.parameters())}
    with accumulating(model):
        found["gathered"] = stored(model.parameters())
        policy.logp(Sequences.of(PAIRS)).sum().backward()
        found["gathered_gradients"] = stored(p.grad for p in model.parameters() if p.grad is not None)
    found["gradients"] = stored(p.grad for p in model.parameters() if p.grad is not None)
    optimizer.step()
    optimizer.zero_grad()
    state = optimizer.state.values()
    found["moments"] = stored(tensor for of in state for key, tensor in of.items() if key != "step")
    with gathered(model):
        pass
    found["weights again"] = stored(model.parameters())
    return formula, found


def not_finite(world: World, folder: Path) -> list[bool]:
    """A gradient that is not finite on only one rank, and the norm of one that is finite."""
    policy = load(folder)
    backward(policy, critic := Critic(policy), [0])
    expected = float(nn.utils.clip_grad_norm_(policy.model.parameters(), 1.0))
    policy.model.zero_grad()
    shard(policy.model)
    norms = []
    for bad in (False, True):
        with accumulating(policy.model):
            if world.rank == 1:
                backward(policy, critic, [0])
                if bad:
                    policy.model.get_output_embeddings().weight.grad[0, 0] = torch.nan
        norms.append(float(whole(nn.utils.clip_grad_norm_(policy.model.parameters(), 1.0))))
        policy.model.zero_grad()
    return [abs(norms[0] / expected - 1) < 1e-6, norms[1] == norms[1]]


def refused(world: World, folder: Path) -> str:
    """Layers that are one and the same."""
    policy = load(folder)
    layers = policy.decoder.layers
    layers[1].mlp = layers[0].mlp
    try:
        shard(policy.model)
    except HarnessError as error:
        return str(error)
    return ""


def in_place(world: World) -> bool:
    """Whole tensors become shards and whole again, even if some ranks get nothing."""
    layer = nn.Linear(3, 1)
    shard(layer)
    given = torch.arange(3.0)[None]
    return (
        bool((whole(like(given, layer.weight)) == given).all()) and float(whole(like(torch.ones(1), layer.bias))) == 1
    )


def everything(world: World, folder: Path) -> dict[str, Any]:
    """All of the above in one function, because starting processes takes longer."""
    torch.set_num_threads(1)
    found: dict[str, Any] = {"compared": {name: compared(world, folder, name) for name in MODELS}}
    found["layer by layer"] = {name: layer_by_layer(world, folder, name) for name in LAYER_BY_LAYER}
    with on_the_cpu():
        found["no padding"] = {name: layer_by_layer(world, folder, name, "packed") for name in NO_PADDING}
    found["held"] = {name: held(world, folder, name) for name in MEASURED}
    found["not finite"] = not_finite(world, folder)
    found["refused"] = refused(world, folder)
    return found | {"in place": in_place(world)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("models")
    make("mixtral", made / "mixtral")
    return made


@pytest.fixture(scope="module")
def found(folder: Path) -> list[dict[str, Any]]:
    """The results of three ranks. Almost no weight can be cut evenly into three parts."""
    return in_ranks(3, everything, folder)


@pytest.mark.parametrize("name", MODELS)
def test_passes_and_gradients_are_those_of_one_process(name: str, found: list[dict[str, Any]]) -> None:
    for one in found:
        kept = dict(one["compared"][name])
        assert max(kept.pop("gradients")) < (1e-2 if "bfloat16" in name else 1e-6)
        assert kept == {"passes": True, "handed on": True, "size": True, "engine": True}


@pytest.mark.parametrize("name", LAYER_BY_LAYER)
def test_a_layer_at_a_time_gives_the_same_gradients(name: str, found: list[dict[str, Any]]) -> None:
    for one in found:
        assert max(one["layer by layer"][name]) < (1e-2 if "bfloat16" in name else 1e-6)


@pytest.mark.parametrize("name", NO_PADDING)
def test_so_it_does_without_padding(name: str, found: list[dict[str, Any]]) -> None:
    for one in found:
        assert max(one["no padding"][name]) < 1e-6


@pytest.mark.parametrize("name", MEASURED)
def test_formulas_say_what_a_rank_holds(name: str, found: list[dict[str, Any]]) -> None:
    """The numbers agree to the byte."""
    formula, held = found[0]["held"][name]
    assert held == {
        "weights": formula.weights,
        "gathered": formula.gathered,
        "gathered_gradients": formula.gathered_gradients,
        "gradients": formula.gradients,
        "moments": formula.moments,
        "weights again": formula.weights,
    }
    for one in found[1:]:
        assert one["held"][name][0] == formula
        assert one["held"][name][1]["moments"] <= formula.moments


@pytest.mark.parametrize("name", MODELS)
def test_the_final_model_is_the_same_file(name: str, found: list[dict[str, Any]], folder: Path) -> None:
    alone, sharded = (folder / name.replace(" ", "-") / part for part in ("alone", "sharded"))
    names = sorted(path.name for path in alone.iterdir())
    assert names == sorted(path.name for path in sharded.iterdir()) and "model.safetensors" in names
    for each in names:
        assert (alone / each).read_bytes() == (sharded / each).read_bytes(), each


def test_a_gradient_that_is_not_finite_on_one_rank_shows_on_all(found: list[dict[str, Any]]) -> None:
    assert [one["not finite"] for one in found] == len(found) * [[True, False]]


def test_layers_that_share_weights_are_refused(found: list[dict[str, Any]]) -> None:
    assert {one["refused"] for one in found} == {
        "this model's layers share weights, so they cannot be sharded; set compute.parallel=replicate"
    }


def test_a_torch_that_is_too_old_for_experts_a_layer_at_a_time_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(FSDPModule, "set_reduce_scatter_unused_params")
    with pytest.raises(HarnessError, match=r"compute\.reshard needs torch 2\.13 or newer, and this is \d"):
        shard(nn.Linear(2, 2), reshard=True)


def test_whole_tensors_become_shards(found: list[dict[str, Any]]) -> None:
    assert all(one["in place"] for one in found)


def test_a_model_that_is_not_sharded_is_left_as_it_is() -> None:
    layer = nn.Linear(2, 2)
    weight, called = layer.weight, []
    with gathered(layer, None), accumulating(layer, None), ExitStack():
        called.append(layer.weight is weight)
    tensor = torch.ones(2)
    kept: list[Callable[[], bool]] = [lambda: whole(tensor) is tensor, lambda: like(tensor, weight) is tensor]
    assert called == [True] and all(keep() for keep in kept) and not reshards(layer)
