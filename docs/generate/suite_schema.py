"""The reference page of a suite's YAML, made from the settings' types and docstrings."""

import ast
import inspect
import types
from collections.abc import Iterator
from itertools import pairwise
from textwrap import dedent
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from harness.config.run_config import SuiteConfig

HEAD = """# The suite file

A suite is one YAML file. This page is generated from the code of the settings.
`--set KEY=VALUE` changes a setting for one command, with dots between the levels: `--set rollout.prompts=16`.
An unknown key is an error.
"""


def suite_page() -> str:
    """A table for each section of the file, the file's own keys first."""
    return "\n".join([HEAD, *(_table(path, model) for path, model in _sections("", SuiteConfig))])


def _sections(path: str, model: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    yield path, model
    for name, field in model.model_fields.items():
        for inner in _models(field.annotation):
            key = f"{name}.NAME" if get_origin(field.annotation) is dict else name
            yield from _sections(f"{path}.{key}".lstrip("."), inner)


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]


def _table(path: str, model: type[BaseModel]) -> str:
    title = f"`{path}`" if path else "The file"
    notes = _docstrings(model)
    rows = [_row(name, field, notes.get(name, "")) for name, field in model.model_fields.items()]
    intro = _plain(model.__doc__ or "")
    return "\n".join(
        [f"## {title}", "", intro, "", "| key | type | default | meaning |", "| --- | --- | --- | --- |", *rows, ""]
    )


def _row(name: str, field: FieldInfo, note: str) -> str:
    default = "required" if field.is_required() else _shown(field.get_default(call_default_factory=True))
    models = _models(field.annotation)
    meaning = note or (models[0].__doc__ or "" if models else "")
    return f"| `{name}` | {_type(field.annotation)} | {default} | {_cell(meaning)} |"


def _shown(value: Any) -> str:
    if isinstance(value, BaseModel) or value in ({}, (), ""):
        return ""
    if value is None or isinstance(value, bool):
        return {None: "none", True: "`true`", False: "`false`"}[value]
    return f"`{list(value) if isinstance(value, tuple) else value}`"


def _type(annotation: Any) -> str:
    """As a reader of YAML calls it."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return ", ".join(f"`{one}`" for one in inner)
    if origin is Annotated:
        return _type(inner[0])
    if origin in (Union, types.UnionType):
        return " or ".join(_type(one) for one in inner if one is not type(None))
    if origin is tuple:
        return "list of " + _type(inner[0])
    if _models(annotation):
        return "section"
    names = {str: "text", int: "integer", float: "number", bool: "`true` or `false`"}
    return "mapping" if origin is dict else names.get(annotation, "any")


def _docstrings(model: type[BaseModel]) -> dict[str, str]:
    """Of a model's fields, those it inherits included. Python itself does not keep them, so the source is read."""
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if issubclass(base, BaseModel) and base is not BaseModel:
            (tree,) = ast.parse(dedent(inspect.getsource(base))).body
            found |= dict(_described(tree.body))  # type: ignore[attr-defined]
    return found


def _described(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    for field, after in pairwise(body):
        match field, after:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                yield name, text


def _plain(text: str) -> str:
    """References of docstrings, as code; lines that are indented, flush."""
    lines = " ".join(line.strip() for line in text.strip().splitlines())
    for role in (":mod:", ":class:", ":func:"):
        lines = lines.replace(role, "")
    return lines.replace("``", "`")


def _cell(text: str) -> str:
    return _plain(text).replace("|", "\\|")
