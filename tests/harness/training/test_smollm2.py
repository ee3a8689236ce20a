"""A real language model on real problems: SmolLM2-135M from its GGUF file, and GSM8K from local files."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from algorithms.types import PolicyOutput
from evaluators.types import Framing, Problem, Split
from harness.cli import app
from harness.config.arms import build_objective
from harness.models.policy import Policy
from harness.models.sequences import Sequences
from harness.rollout.groups import Completion, Group
from harness.training.micro_batches import denominators, micro_batches

pytestmark = pytest.mark.xdist_group("vLLM and SmolLM2 are loaded once")


def test_a_gguf_model_is_trainable_and_talks(smollm2: Policy) -> None:
    assert smollm2.size.parameters == 134_515_008
    ids = smollm2.encode("What is the capital of France?")
    text = smollm2.tokenizer.decode(ids)
    assert text.endswith("<|im_end|>\n<|im_start|>assistant\n")  # its chat template, ready for the answer
    answer = smollm2.model.generate(torch.tensor([ids]), max_new_tokens=12, do_sample=False)
    assert "Paris" in smollm2.tokenizer.decode(answer[0, len(ids) :])
    logp = smollm2.logp(Sequences.of([(ids, (504, 3575, 282))]))
    logp.sum().backward()
    assert all(p.grad is not None for p in smollm2.model.parameters())


def test_a_chat_holds_what_stands_around_the_prompt(smollm2: Policy) -> None:
    framing = Framing(system="Be brief.", examples=(("What is 1+1?", "#### 2"),), prefill="It is")
    text = smollm2.tokenizer.decode(smollm2.encode("What is 2+2?", framing))
    turns = re.findall(r"<\|im_start\|>(\w+)\n(.*?)(?:<\|im_end\|>|$)", text, re.S)
    assert turns == [
        ("system", "Be brief."),
        ("user", "What is 1+1?"),
        ("assistant", "#### 2"),
        ("user", "What is 2+2?"),
        ("assistant", "It is"),
    ]
    plain = smollm2.encode("What is 2+2?", replace(framing, prefill=""))
    assert smollm2.encode("What is 2+2?", framing)[: len(plain)] == plain  # the prefill changes no token before it


def test_an_update_favours_what_was_rewarded(smollm2: Policy) -> None:
    """SmolLM2 solves almost no problem, so the rewards are given here."""
    ids = smollm2.encode("What is 2+2?")
    texts = ("The answer is #### 4", "The answer is #### 5")
    answers = [tuple(smollm2.tokenizer.encode(text)) for text in texts]
    completions = tuple(Completion(ids=a, logp=(0.0,) * len(a), text="", truncated=False) for a in answers)
    problem = Problem(id="p", prompt="", answer="4", split=Split.TRAIN)
    group = Group(problem=problem, prompt_ids=ids, completions=completions, rewards=(1.0, 0.0))
    (part,) = micro_batches([group], 4096, "whole")
    optimizer = torch.optim.SGD(smollm2.model.parameters(), lr=1e-4)
    optimizer.zero_grad()
    logp = smollm2.logp(part.sequences)
    before = logp.detach()
    batch = replace(part.batch(denominators([group], 64), before.device, state={}), ref_logp=before)
    build_objective("agro", {}, where="agro").loss(PolicyOutput(logp=logp), batch).loss.backward()
    optimizer.step()
    with torch.no_grad():
        moved = (smollm2.logp(part.sequences) - before).sum(1)
    assert moved[0] > moved[1] + 0.01


def test_a_whole_run_on_gsm8k(gguf: Path, data_dir: Path, tmp_path: Path) -> None:
    settings = {
        "rollout.prompts": 1,
        "rollout.group_size": 2,
        "rollout.max_tokens": 8,
        "evaluation.shares": [0, 1],
        "evaluation.validation_problems": 1,
        "evaluation.validation_samples": 1,
        "evaluation.test_problems": 1,
        "evaluation.test_samples": 1,
    }
    command = ["run", "--suite", "smollm2-gsm8k", "--algos", "grpo", "--seeds", "1", "--out", str(tmp_path)]
    command += ["--model", str(gguf), "--data", str(data_dir), "--budget", "completions=4", "--anyway"]
    command += [f"--set={key}={json.dumps(value)}" for key, value in settings.items()]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    assert re.search(
        r"^\S+ \S+ engine (vllm|transformers): .+$", result.output, re.M
    )  # the choice of auto, and the reason
    seen = " ".join(result.output.split())
    assert "answer format boxed: 0% rewarded" in seen and "100% cut" in seen
    board = json.loads((tmp_path / "smollm2-gsm8k" / "leaderboard.json").read_text())["boards"][0]
    assert board["rows"][0]["budget"]["optimizer_steps"] == 2
    assert board["rows"][0]["truncated"] == 1.0
