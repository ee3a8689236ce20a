"""Wrong commands are refused before heavy imports. The message says what is wrong, where, and what to do."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.paths import ROOT

CODE = """
import contextlib, io, json, sys, time
from harness.cli import app

HEAVY = ("torch", "transformers", "mlflow", "matplotlib", "scipy", "pandas", "datasets")
found = {}
for name, arguments in json.load(sys.stdin).items():
    before, began = set(sys.modules), time.process_time()
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as error:
        try:
            code = app(arguments)
        except SystemExit as end:
            code = end.code
    heavy = [module for module in HEAVY if module in set(sys.modules) - before]
    seconds = time.process_time() - began
    found[name] = dict(code=code, out=out.getvalue(), error=error.getvalue(), heavy=heavy, seconds=seconds)
print(json.dumps(found))
"""
RUN = ["run", "--algos", "agro"]
PLAN = ["plan", "--suite", "tiny-arithmetic", "--gpu", "h100"]
EVAL = ["eval", "--model", "embedded:tiny-arithmetic"]
BOARD = ["leaderboard", "--suite", "tiny-arithmetic"]
WRONG: dict[str, tuple[list[str], list[str]]] = {
    "an arm": (["run", "--algos", "agro,grppo"], ["'grppo'", "did you mean 'grpo'"]),
    "no arm": (["run", "--algos", ""], ["separate names with single commas", "agro,grpo"]),
    "a comma too many": (["run", "--algos", "agro,"], ["'agro,'", "separate names with single commas", "such as agro"]),
    "arms with spaces": (["run", "--algos", "agro grpo"], ["'agro grpo'", "such as agro,grpo"]),
    "arms with semicolons": (["run", "--algos", "agro;grpo"], ["such as agro,grpo"]),
    "a class without its module": (["run", "--algos", "MyObjective"], ["'MyObjective'", "my_module:MyObjective"]),
    "a file in place of a module": (["run", "--algos", "code/mine.py:Mine"], ["names a file", "mine:Mine"]),
    "an arm to tune": (["tune", "--algos", "grppo"], ["did you mean 'grpo'"]),
    "an arm of a staleness study": (["staleness", "--algos", "grppo"], ["did you mean 'grpo'"]),
    "an arm of a plan": ([*PLAN, "--algos", "grppo"], ["did you mean 'grpo'"]),
    "an arm of the tabular study": (["tabular", "--algos", "grppo"], ["did you mean 'grpo'"]),
    "a suite": ([*RUN, "--suite", "tiny-arithmetik"], ["did you mean 'tiny-arithmetic'"]),
    "a suite to look at": (["doctor", "--suite", "tiny-arithmetik"], ["did you mean 'tiny-arithmetic'"]),
    "a suite of a leaderboard": (["leaderboard", "--suite", "tiny-arithmetik"], ["did you mean 'tiny-arithmetic'"]),
    "a suite file": ([*RUN, "--suite", "missing.yml"], ["no suite file missing.yml", "harness list"]),
    "a file that is no suite": ([*RUN, "--suite", "mine.csv"], ["mine.csv is not a suite", ".yaml"]),
    "a key": ([*RUN, "--set", "optimiser.learning_rate=1"], ["unknown key optimiser", "did you mean 'optimizer'"]),
    "a key without its section": ([*RUN, "--set", "learning_rate=1"], ["did you mean 'optimizer.learning_rate'"]),
    "a key that is like none": ([*RUN, "--set", "zzz=1"], ["unknown key zzz", "optimizer, budget"]),
    "a key of a section": ([*RUN, "--set", "rollout.zzz=1"], ["unknown key rollout.zzz", "in rollout", "group_size"]),
    "a field outside of the fields": (
        [*RUN, "--set", "objectives.agro.zzz=1"],
        ["objectives.agro.zzz", "objectives.agro.fields.NAME"],
    ),
    "a value": ([*RUN, "--set", "optimizer.learning_rate=fast"], ["optimizer.learning_rate", "a number, not 'fast'"]),
    "no limit on gradients": ([*RUN, "--set", "optimizer.max_grad_norm=.inf"], ["optimizer.max_grad_norm", "finite"]),
    "a momentum without end": ([*RUN, "--set", "optimizer.betas=[0.9, 1.0]"], ["optimizer.betas", "less than 1"]),
    "a change without a value": ([*RUN, "--set", "optimizer"], ["'optimizer'", "KEY=VALUE"]),
    "an arm's optimiser": (
        [*RUN, "--set", "objectives.agro.optimizer.rate=1"],
        ["objectives.agro.optimizer: unknown key rate", "learning_rate"],
    ),
    "a baseline": ([*RUN, "--set", "baseline=grppo"], ["baseline: no objective 'grppo'", "did you mean 'grpo'"]),
    "a regime": ([*RUN, "--regime", "stal:3"], ["'stal:3'", "stale:STEPS"]),
    "seeds": ([*RUN, "--seeds", "x"], ["--seeds 'x'", "such as 3"]),
    "more seeds than anybody has": ([*RUN, "--seeds", "1000000000000"], ["--seeds '1000000000000'", "at most 100,000"]),
    "a tiny share of replayed completions": ([*RUN, "--regime", "replay:64,0.00001"], ["FRACTION from 0.0001"]),
    "a suite that is no folder": ([*RUN, "--set", "name=../elsewhere"], ["name", "cannot be the name of a folder"]),
    "a suite without a name": ([*RUN, "--set", "name=''"], ["name", "cannot be the name of a folder"]),
    "an arm that is no folder": (
        [*RUN, "--set", "objectives={a/b: {like: agro}, agro: {}}"],
        ["objectives", "'a/b' cannot be the name of a folder"],
    ),
    "a model for no suite": (["doctor", "--model", "x"], ["--suite"]),
    "a setting for no suite": (["doctor", "--set", "seeds=1"], ["--suite"]),
    "a selection of runs to train": (["staleness", "--algos", "agro", "--match", "x"], ["--match", "--from"]),
    "no arm of a leaderboard": ([*BOARD, "--algos", ""], ["separate names with single commas"]),
    "a range of seeds": ([*RUN, "--seeds", "1-3"], ["--seeds '1-3'", "such as 0,1,7"]),
    "an engine": ([*RUN, "--engine", "vlm"], ["compute.engine", "did you mean 'vllm'"]),
    "a task": ([*RUN, "--task", "gsm9k"], ["'gsm9k'", "did you mean 'gsm8k'"]),
    "a setting of a task": ([*RUN, "--task", "jsonl:promt=q"], ["'promt'", "did you mean 'prompt'"]),
    "a budget without a unit": ([*RUN, "--budget", "1000"], ["--budget '1000'", "UNIT=TOTAL"]),
    "a budget's unit": ([*RUN, "--budget", "hours=3"], ["budget.unit", "'seconds', not 'hours'"]),
    "a budget beside a limit": ([*RUN, "--limit", "4", "--budget", "completions=99"], ["--limit 4 and --budget"]),
    "a part": ([*RUN, "--part", "3/2"], ["--part '3/2'", "such as 2/4"]),
    "devices": ([*RUN, "--devices", "gpu0"], ["--devices 'gpu0'", "such as 0-7"]),
    "no share of the CPU": ([*RUN, "--devices", "cpu:0"], ["--devices 'cpu:0'", "such as cpu:4"]),
    "an option of Ray": ([*RUN, "--ray-address", "auto"], ["--executor ray"]),
    "an option that Ray does not have": (
        ["tune", "--algos", "agro", "--executor", "ray", "--devices", "0"],
        ["--devices"],
    ),
    "an end of seeds": (["run", "--algos", "agro,grpo", "--until", "sure"], ["--until 'sure'", "decided"]),
    "nothing to decide": ([*RUN, "--until", "decided"], ["the baseline grpo", "--set baseline=NAME"]),
    "quiet and verbose": ([*RUN, "-q", "-v"], ["--quiet and --verbose"]),
    "a lag": (["staleness", "--algos", "agro", "--lags", "0"], ["--lags '0'", "such as 1,4,16"]),
    "a unit of lags": (["staleness", "--algos", "agro", "--in", "days"], ["--in 'days'", "batches or steps"]),
    "settings at a lag": (["staleness", "--algos", "agro", "--settings", "x"], ["--settings 'x'", "nearest"]),
    "no arm to train": (["staleness"], ["--algos agro,ppo", "--from"]),
    "a GPU": (["plan", "--suite", "tiny-arithmetic", "--gpu", "h1000"], ["'h1000'", "did you mean 'h100'"]),
    "a number of devices": ([*PLAN, "--devices", "8-16"], ["--devices '8-16'", "such as 8,64,512"]),
    "one run on unknown devices": ([*PLAN, "--parallel", "shard"], ["--parallel shard", "--devices N"]),
    "a spread of nothing": ([*PLAN, "--spread", "2"], ["--spread needs --until"]),
    "longer prompts than there are": ([*PLAN, "--prompt-tokens", "9999"], ["--prompt-tokens 9999", "32 tokens"]),
    "no task": (EVAL, ["--tasks", "gsm8k"]),
    "a task to evaluate on": ([*EVAL, "--tasks", "gsm9k"], ["did you mean 'gsm8k'"]),
    "an answer format": ([*EVAL, "--tasks", "arithmetic", "--formats", "boxd"], ["did you mean 'boxed'"]),
    "a key of an evaluation": (
        [*EVAL, "--tasks", "arithmetic", "--set", "max_token=3"],
        ["unknown key max_token", "did you mean 'max_tokens'"],
    ),
    "a regime of a leaderboard": ([*BOARD, "--regime", "offlin"], ["'offlin'", "offline"]),
    "a budget of a leaderboard": ([*BOARD, "--budget", "hours=3"], ["--budget 'hours=3'", "seconds"]),
    "an arm of pass@k": (["pass-at-k", "--regime", "offlin"], ["'offlin'", "offline"]),
    "runs beside a file": (["pass-at-k", "--from", "x.parquet", "--algos", "agro"], ["--from", "remove"]),
    "samples beside a file": (["pass-at-k", "--from", "x.parquet", "--k", "4"], ["--from", "remove"]),
    "the same twice": (["compare", "agro", "agro"], ["agro twice"]),
    "what is listed": (["list", "objective"], ["'objective'", "objectives, suites"]),
    "an embedded model": (["make-base", "huge"], ["'huge'", "tiny-arithmetic"]),
}
"""For each mistake, the command and what its message must contain."""


@pytest.fixture(scope="module")
def refusals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """All refusals in one process, because starting a process for each takes longer than the refusals."""
    folder = tmp_path_factory.mktemp("typed")
    (folder / "mine.csv").write_text("question,answer\n")
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        input=json.dumps({name: arguments for name, (arguments, _) in WRONG.items()}),
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": str(Path(sys.executable).parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("case", WRONG)
def test_one_sentence_says_what_to_do_and_nothing_heavy_is_imported(case: str, refusals: dict[str, Any]) -> None:
    found = refusals[case]
    assert found["code"] == 2 and found["out"] == "", found
    (sentence,) = found["error"].splitlines()
    assert sentence.startswith("harness: ") and len(sentence) < 600
    for text in WRONG[case][1]:
        assert text in sentence
    assert found["heavy"] == []
    assert found["seconds"] < 1
