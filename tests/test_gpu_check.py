"""The check that a GPU's owner runs, tried on a CPU: that it runs through, and what it says of the engines."""

import re
import subprocess
import sys
from pathlib import Path

from tests.support.paths import ROOT

SCRIPT = ROOT / "benchmarks" / "gpu_check.py"
SMALL = {"steps": 2, "prompts": 4, "problems": 4, "requests": 4, "tokens": 8, "device": "cpu", "dtype": "float32"}


def test_it_runs_through_and_finds_the_engines_in_order(tmp_path: Path) -> None:
    command = [sys.executable, str(SCRIPT), "--model", "embedded:tiny-arithmetic", "--suite", "tiny-arithmetic"]
    command += [f"--{name}={value}" for name, value in SMALL.items()]
    done = subprocess.run([*command, "--out", str(tmp_path)], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    (written,) = tmp_path.glob("*.md")
    rows = [[cell.strip() for cell in row] for row in re.findall(r"^\|(.+)\|(.+)\|(.+)\|$", written.read_text(), re.M)]
    judged = {what: good for what, _, good in rows if "gap" in what and good}
    assert len(judged) in (2, 5)  # transformers; and vLLM, where it is installed
    assert set(judged.values()) == {"yes"}, rows
    rewards = [good for what, _, good in rows if "reward" in what]
    assert done.returncode == ("NO" in rewards)
