"""The contents of the wheel, seen from another directory, and the contract between the rooms."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support.paths import ROOT


def test_a_built_wheel_runs_from_anywhere(tmp_path: Path) -> None:
    """The wheel contains suites, task generators and the embedded model, so a whole small run works."""
    pip = [sys.executable, "-m", "pip", "-q"]
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True)
    (wheel,) = tmp_path.glob("agro_harness-*.whl")
    site, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    elsewhere.mkdir()
    subprocess.run([*pip, "install", "--no-deps", "--target", str(site), str(wheel)], check=True)
    environment = {**os.environ, "PYTHONPATH": str(site)}

    def run(*command: str) -> str:
        done = subprocess.run(
            [sys.executable, *command], cwd=elsewhere, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    where = run("-c", "import harness, algorithms, evaluators; print(harness.__path__, algorithms.__path__)")
    assert where.count(str(site)) == 2
    assert "tiny-arithmetic" in run("-m", "harness.cli", "list", "suites")
    assert "gsm8k_local" in run("-c", "from evaluators.lm_eval.tasks import local_names; print(local_names())")
    small = ["task.options.count=64", "rollout.prompts=2", "rollout.group_size=2", "evaluation.test_problems=2"]
    settings = [f"--set={text}" for text in (*small, "evaluation.validation_problems=2")]
    run("-m", "harness.cli", "run", "--algos", "rloo", "--seeds", "1", "--budget", "completions=8", *settings)
    assert (elsewhere / "runs" / "tiny-arithmetic" / "leaderboard.json").is_file()
    page = (elsewhere / "runs" / "tiny-arithmetic" / "leaderboard.html").read_text(encoding="utf-8")
    assert "function explore(" in page and ".explorer {" in page


def test_objectives_need_torch_alone() -> None:
    """The room of the objectives imports none of our other packages, and not transformers."""
    code = "import sys, algorithms; sys.exit(any(m in sys.modules for m in ('harness', 'evaluators', 'transformers')))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
