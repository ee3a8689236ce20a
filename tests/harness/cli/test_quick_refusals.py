"""What is typed wrong is refused before anything heavy is imported."""

import subprocess
import sys

import pytest

from tests.support.paths import ROOT

CODE = """
import sys
from harness.cli import app
try:
    app(sys.argv[1:])
finally:
    print("heavy:", [name for name in ("torch", "transformers", "mlflow", "matplotlib") if name in sys.modules])
"""
WRONG = {
    "an arm": ["run", "--algos", "agro,grppo"],
    "an arm to tune": ["tune", "--algos", "grppo"],
    "an arm of a staleness study": ["staleness", "--algos", "grppo"],
    "a suite": ["run", "--algos", "agro", "--suite", "tiny-arithmetik"],
    "a key": ["run", "--algos", "agro", "--set", "optimiser.learning_rate=1"],
    "a value": ["run", "--algos", "agro", "--set", "optimizer.learning_rate=fast"],
    "an arm's optimiser": ["run", "--algos", "agro", "--set", "objectives.agro.optimizer.rate=1"],
    "a regime": ["run", "--algos", "agro", "--regime", "stal:3"],
    "seeds": ["run", "--algos", "agro", "--seeds", "x"],
    "an engine": ["run", "--algos", "agro", "--engine", "vlm"],
    "a task": ["run", "--algos", "agro", "--task", "gsm9k"],
    "a budget": ["run", "--algos", "agro", "--budget", "hours=3"],
    "a part": ["run", "--algos", "agro", "--part", "3/2"],
    "an option of Ray": ["run", "--algos", "agro", "--ray-address", "auto"],
    "an option that Ray does not have": ["tune", "--algos", "agro", "--executor", "ray", "--devices", "0"],
    "an end of seeds": ["run", "--algos", "agro,grpo", "--until", "sure"],
}


@pytest.mark.parametrize("arguments", WRONG.values(), ids=WRONG)
def test_it_is_refused_before_torch_is_imported(arguments: list[str]) -> None:
    command = [sys.executable, "-c", CODE, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("harness: ") and len(done.stderr.splitlines()) == 1, done.stderr
    assert done.stdout == "heavy: []\n"
