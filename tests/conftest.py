"""What all rooms' tests share."""

import os
from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[1] / "../shared/data"


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of the published data sets: ``AGRO_DATA``, or the shared data beside the checkout."""
    folder = Path(os.environ.get("AGRO_DATA", SHARED_DATA)).resolve()
    if not (folder / "gsm8k_test.jsonl").is_file():
        pytest.skip(f"no gsm8k_test.jsonl in {folder}; set AGRO_DATA to a folder that holds the data sets")
    return folder
