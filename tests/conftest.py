"""What all rooms' tests share."""

import os
import subprocess
from pathlib import Path

import pytest

pytest.register_assert_rewrite("tests.support")  # before it is imported

from tests.support.paths import ROOT  # noqa: E402

SHARED_DATA = ROOT / "../shared/data"


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of the published data sets: ``AGRO_DATA``, or the shared data beside the checkout."""
    folder = Path(os.environ.get("AGRO_DATA", SHARED_DATA)).resolve()
    if not (folder / "gsm8k_test.jsonl").is_file():
        pytest.skip(f"no gsm8k_test.jsonl in {folder}; set AGRO_DATA to a folder that holds the data sets")
    return folder


@pytest.fixture(scope="session")
def committed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``results/`` and the README as git has them (staged files included), whatever lies in the working tree."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout, so nothing here is known to be what was published")
    folder = tmp_path_factory.mktemp("committed")
    names = subprocess.run(["git", "ls-files", "results", "README.md"], cwd=ROOT, capture_output=True, check=True)
    subprocess.run(
        ["git", "checkout-index", "--stdin", f"--prefix={folder}/"], cwd=ROOT, input=names.stdout, check=True
    )
    return folder
