"""Collects what gpu_check needs besides torch and transformers, as wheels for a machine without network.

    make wheelhouse FOR=3.12            # or: python benchmarks/wheelhouse.py --python 3.12 --platform x86_64

Fills wheelhouse/ with wheels for this version of Python on Linux (some 55 MB), and with a requirements.txt that lists
them.
"""

import argparse
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ALONE = ("accelerate", "gguf", "peft", "psutil", "pyarrow")
"""Packages without their dependencies, which come with torch and transformers or are never imported."""
WITH_WHAT_THEY_NEED = ("pint", "pydantic", "rich")
SMALLER = {"pyarrow": "<23"}
"""Versions to avoid, because their wheels alone are larger than all others together."""
MOST = 60e6
"""The limit for the bytes of all wheels together."""


def requirements() -> dict[str, str]:
    """The requirements by name, with the versions that pyproject.toml declares."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    by_name = {line.split(">")[0].split("=")[0].split("<")[0].strip(): line for line in declared}
    return {
        name: by_name[name] + ("," + SMALLER[name] if name in SMALLER else "")
        for name in (*ALONE, *WITH_WHAT_THEY_NEED)
    }


def commands(python: str, platform: str, folder: Path) -> list[list[str]]:
    """The commands of pip: one for packages without their dependencies, and one for packages with them."""
    common = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:", "--dest", str(folder)]
    common += ["--python-version", python]
    for glibc in ("2_28", "2_17"):
        common += ["--platform", f"manylinux_{glibc}_{platform}"]
    common += ["--platform", f"manylinux2014_{platform}"]
    found = requirements()
    return [
        [*common, "--no-deps", *(found[name] for name in ALONE)],
        [*common, *(found[name] for name in WITH_WHAT_THEY_NEED)],
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--python", default="{}.{}".format(*sys.version_info), help="the Python version of the machine, such as 3.12"
    )
    parser.add_argument("--platform", default="x86_64", choices=["x86_64", "aarch64"])
    parser.add_argument("--out", type=Path, default=Path("wheelhouse"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for old in options.out.glob("*.whl"):
        old.unlink()
    for command in commands(options.python, options.platform, options.out):
        subprocess.run(command, check=True)
    wheels = sorted(options.out.glob("*.whl"))
    names = [wheel.name.split("-")[0].replace("_", "-") for wheel in wheels]
    (options.out / "requirements.txt").write_text("\n".join(names) + "\n", encoding="utf-8")
    size = sum(wheel.stat().st_size for wheel in wheels)
    print(f"{len(wheels)} wheels, {size / 1e6:.0f} MB, in {options.out}. Copy the folder to the machine, and run:")
    print(f"  pip install --no-index --find-links {options.out} --no-deps -r {options.out}/requirements.txt")
    if size > MOST:
        sys.exit(f"wheelhouse: the wheels take {size / 1e6:.0f} MB; the limit is {MOST / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
