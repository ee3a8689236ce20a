"""The files that install, build, check and cite this project agree with it."""

import json
import re
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement

from tests.support.paths import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCK = (ROOT / "requirements.lock").read_text().splitlines()
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def pins() -> dict[str, str]:
    found = {}
    for line in LOCK:
        name, _, version = line.partition(";")[0].strip().partition("==")
        found[_normal(name)] = version
    return found


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.partition("[")[0]).lower()


@pytest.mark.parametrize("extra", [None, "dev", "docs", "8bit", "lm-eval", "ray", "reasoning-gym"])
def test_the_lock_has_a_version_of_every_dependency(extra: str | None) -> None:
    """If this fails, run ``make lock``."""
    wanted = PROJECT["dependencies"] if extra is None else PROJECT["optional-dependencies"][extra]
    found = pins()
    for text in wanted:
        one = Requirement(text)
        if one.name != PROJECT["name"]:
            assert one.specifier.contains(found[_normal(one.name)]), f"{text}; make lock"


def test_the_lock_names_versions_alone() -> None:
    """The lock file names no index, file or path."""
    assert [line for line in LOCK if not re.fullmatch(r"[\w.\[\],-]+==[\w.+!]+( ;.*)?", line)] == []


def test_the_lock_is_the_environment_of_the_published_runs() -> None:
    board = json.loads((ROOT / "results" / "tiny-arithmetic" / "leaderboard.json").read_text())
    (environment,) = board["environments"]
    for name in ("torch", "transformers", "tokenizers", "peft", "numpy"):
        assert pins()[name] == environment[name].partition("+")[0]


def test_the_citation_is_complete() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors", "version"} <= set(cited)
    assert cited["cff-version"] == "1.2.0"
    assert cited["version"] == PROJECT["version"]
    assert cited["license"] == PROJECT["license"]
    assert all(set(one) <= {"name", "given-names", "family-names"} for one in cited["authors"])
    (paper,) = cited["references"]
    assert {"type", "title", "authors"} <= set(paper)
    assert "2503.19612" in paper["url"]


def test_the_dockerfile_builds_from_what_is_there() -> None:
    """Checks, without Docker, its instructions and stages, and that the context contains everything it copies."""
    instructions = re.sub(r"\\\n", " ", DOCKERFILE)
    lines = [line for line in instructions.splitlines() if line and not line.startswith("#")]
    assert {line.split()[0] for line in lines} <= {
        "FROM",
        "ENV",
        "ARG",
        "WORKDIR",
        "COPY",
        "RUN",
        "USER",
        "ENTRYPOINT",
        "CMD",
    }
    stages = [line.split()[3] for line in lines if line.startswith("FROM")]
    assert {"cpu", "cuda"} <= set(stages)
    bases = [line.split()[1] for line in lines if line.startswith("FROM")]
    assert all(base in stages or ":" in base for base in bases), "a base image needs a version"
    context = (ROOT / ".dockerignore").read_text().splitlines()
    for line in lines:
        if line.startswith("COPY"):
            for name in line.split()[1:-1]:
                assert (ROOT / name).exists()
                assert f"!{name}" in context
    extras = re.findall(r"\.\[([\w,]+)\]", DOCKERFILE)
    assert extras and all(one in PROJECT["optional-dependencies"] for group in extras for one in group.split(","))


def test_the_workflow_runs_the_checks() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    steps = [step.get("run") for job in workflow["jobs"].values() for step in job["steps"]]
    assert ".ci/run" in steps
    for command in filter(None, steps):
        if command.startswith("docker build"):
            assert re.search(rf" AS {command.split('--target ')[1].split()[0]}$", DOCKERFILE, re.MULTILINE)
