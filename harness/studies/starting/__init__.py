"""``harness init``: a commented suite and an objective to start from."""

from importlib.resources import files
from pathlib import Path

from harness.errors import HarnessError

FILES = ("my-suite.yaml", "my_objective.py")


def start(folder: Path) -> list[Path]:
    """Write the files into ``folder``, and return their paths. Existing files are never replaced.

    Raises:
        HarnessError: one of the files exists already, or the folder cannot be written.
    """
    targets = [folder / name for name in FILES]
    if there := [str(target) for target in targets if target.exists()]:
        raise HarnessError(f"already exists, so nothing was written: {', '.join(there)}; choose another folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for target in targets:
            source = files("harness") / "studies" / "starting" / "files" / target.name
            target.write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    except OSError as error:
        raise HarnessError(f"cannot write to {folder}: {error}; choose another folder") from error
    return targets
