"""Named suites (YAML in ``harness/suites``), and their changes from the command line."""

from collections.abc import Sequence
from copy import deepcopy
from importlib.metadata import EntryPoint
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args, get_origin

import yaml
from pydantic import ValidationError

from evaluators import plugins
from evaluators.names import suggestion
from harness.config.complaints import sentence
from harness.config.limit import cut
from harness.config.naming import with_own_name
from harness.config.run_config import SuiteConfig
from harness.errors import HarnessError, one_line

SUITES = files("harness") / "suites"


def suite_names() -> list[str]:
    """The names of all suites. Those of other packages come last."""
    return [*_built_in(), *added_suites()]


def added_suites() -> dict[str, EntryPoint]:
    """Suites of other packages, by name."""
    return plugins.plugins_of(plugins.SUITES, _built_in())


def _built_in() -> list[str]:
    return sorted(Path(str(f)).stem for f in SUITES.iterdir() if str(f).endswith(".yaml"))


def _file_of(name: str) -> Path:
    """The file of the suite ``name``.

    Raises:
        HarnessError: there is no such suite.
    """
    if name in _built_in():
        return Path(str(SUITES / f"{name}.yaml"))
    added = added_suites()
    if name not in added and Path(name).exists():
        raise HarnessError(f"{name} is not a suite; give a suite's name, or the path of a .yaml file")
    if name not in added:
        raise HarnessError(f"no suite {name!r}{nearest(name, suite_names())}")
    package = added[name].value
    try:
        return Path(str(files(package) / f"{name}.yaml"))
    except ImportError as error:
        raise HarnessError(f"the suite {name} is in {package}, which cannot be imported: {error}") from error


def load_suite(name: str, changes: Sequence[tuple[str, Any]] = ()) -> SuiteConfig:
    """The suite ``name`` (or a YAML file's path) with ``changes`` of dotted keys applied in order.

    A change of the whole ``task`` is merged into the suite's task if both name the same task; otherwise it replaces
    it. If the task or the model changes, so does the suite's name: see :mod:`harness.config.naming`.
    A change of ``optimizer.*`` applies to every objective, also to tuned ones; a change of ``objectives.NAME.*``
    applies to that objective and to those that are like it. Both apply in every regime. A ``limit`` cuts
    the suite down: see :mod:`harness.config.limit`.

    Raises:
        HarnessError: no such suite, not valid YAML, an unknown key or a value of a wrong type.
    """
    raw = _read(name)
    before = _validated(name, raw)
    for key, value in sorted(changes, key=lambda change: change[0].startswith("objectives.")):
        set_key(raw, key.split("."), _on_top(raw.get("task"), value) if key == "task" else deepcopy(value))
        _forget(raw, key.split("."))
    return cut(with_own_name(_validated(name, raw), before))


def is_path(suite: str) -> bool:
    """Whether this is the path of a suite's file, and not its name."""
    return Path(suite).suffix in (".yaml", ".yml")


def looks_of(suite: SuiteConfig, most: int | None) -> tuple[int, ...]:
    """The numbers of seeds of the suite's looks, up to ``most``. None means the suite's last look.

    Raises:
        HarnessError: ``most`` is too small for a look.
    """
    from evaluators.statistics.sequential import FEWEST  # a second of imports, and only where looks are set

    if most is not None and most < FEWEST:
        raise HarnessError(f"--max-seeds {most}: the first look needs {FEWEST} seeds, so give {FEWEST} or more")
    return suite.looks if most is None else (*(seeds for seeds in suite.looks if seeds < most), most)


def _validated(name: str, raw: dict[str, Any]) -> SuiteConfig:
    try:
        return SuiteConfig.model_validate(raw)
    except ValidationError as error:
        raise HarnessError(f"suite {name}: {explain(error, SuiteConfig)}") from error


def _on_top(task: Any, given: Any) -> Any:
    """``given`` merged into the suite's task if both are the same task, because options belong to one task."""
    if not isinstance(task, dict) or not isinstance(given, dict) or task.get("name") != given.get("name"):
        return deepcopy(given)
    before, options = (one.get("options") or {} for one in (task, given))
    if not isinstance(before, dict) or not isinstance(options, dict):
        return task | given  # the validation refuses it
    return task | given | {"options": before | options}


def explain(error: ValidationError, model: type) -> str:
    """A message on the first error, with its path, and with the nearest name for an unknown key."""
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        return f"unknown key {where}{_meant(where, key_paths(model))}"
    return f"{where}: {sentence(first)}" if where else sentence(first)


def _meant(where: str, known: Sequence[str]) -> str:
    """The nearest key, or those of the same section: there are too many to name all of them."""
    *section, last = (part for part in where.split(".") if not part.isdigit())
    arm = ".".join(section) if section[:1] == ["objectives"] and len(section) == 2 else ""
    inside = "objectives.NAME." if arm else ".".join([*section, ""])
    keys = [key.removeprefix(inside) for key in known if key.startswith(inside)]
    if near := suggestion(last, keys):
        return near
    if arm:
        return f"; an objective's own settings are {arm}.fields.NAME, its optimiser's {arm}.optimizer.NAME"
    return f"; known{f' in {inside[:-1]}' if section else ''}: {', '.join(key for key in keys if '.' not in key)}"


def key_paths(model: Any, prefix: str = "") -> list[str]:
    """All dotted keys of a settings class. NAME is a placeholder for keys of mappings."""
    paths = []
    for name, info in model.model_fields.items():
        paths.append(prefix + name)
        inside = "NAME." if get_origin(info.annotation) is dict else ""
        for part in (info.annotation, *get_args(info.annotation)):
            if hasattr(part, "model_fields"):
                paths += key_paths(part, f"{prefix}{name}.{inside}")
    return paths


def nearest(name: str, known: Sequence[str]) -> str:
    """``, did you mean 'x'?``, or all known names if none is near."""
    return suggestion(name, known) or f"; known: {', '.join(known)}"


def _read(name: str) -> dict[str, Any]:
    path = Path(name) if is_path(name) else _file_of(name)
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise HarnessError(
            f"there is no suite file {path}; give another path, or a name that harness list shows"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise HarnessError(f"cannot read the suite {path}: {error}") from error
    except yaml.YAMLError as error:
        raise HarnessError(f"the suite {path} is not valid YAML: {one_line(error)}") from error
    if not isinstance(raw, dict):
        raise HarnessError(f"the suite {path} must be a YAML mapping")
    return raw


def _forget(raw: dict[str, Any], key: list[str]) -> None:
    """Remove settings of arms that a change of ``key`` overrides: of the optimiser, or of one arm in every regime."""
    if key[0] == "optimizer":
        for arm in _sections(raw.get("objectives")):
            for settings in (arm, *_sections(arm.get("regimes"))):
                _drop(settings, key)
    elif key[0] == "objectives" and len(key) > 2:
        for settings in _sections(raw["objectives"][key[1]].get("regimes")):
            _drop(settings, key[2:])


def _sections(mapping: Any) -> list[dict[str, Any]]:
    """The mappings among the values. Other values are refused when the suite is validated."""
    return [value for value in mapping.values() if isinstance(value, dict)] if isinstance(mapping, dict) else []


def _drop(settings: dict[str, Any], key: list[str]) -> None:
    *parents, last = key
    for parent in parents:
        settings = settings.get(parent, {})
        if not isinstance(settings, dict):
            return
    settings.pop(last, None)


def set_key(raw: dict[str, Any], key: list[str], value: Any) -> None:
    """Set ``value`` at a dotted key of nested settings."""
    *parents, last = key
    for depth, parent in enumerate(parents, 1):
        raw = raw.setdefault(parent, {})
        if not isinstance(raw, dict):
            raise HarnessError(f"--set {'.'.join(key)}: {'.'.join(parents[:depth])} is a value, not a section")
    raw[last] = value
