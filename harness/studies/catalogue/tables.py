"""The entries as tables."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import groupby

from rich.console import Group
from rich.table import Table

from harness.studies.catalogue.entries import CONTROLS, ENTRIES, Entry, FormatEntry, ObjectiveEntry
from harness.terminal import Terminal


def show(kinds: Sequence[str], console: Terminal) -> None:
    """Print all entries of these kinds."""
    found = {kind: ENTRIES[kind]() for kind in kinds}
    console.show(Group(*(table(kind, entries) for kind, entries in found.items())), lambda: as_json(found))


def as_json(found: Mapping[str, Sequence[Entry]]) -> str:
    """The JSON text: one list of entries per kind."""
    return json.dumps({kind: [asdict(one) for one in entries] for kind, entries in found.items()}, indent=1)


def table(title: str, entries: Sequence[Entry]) -> Table:
    """The table of the entries of one kind."""
    made = Table(title=title, title_justify="left", show_header=False, box=None, title_style="bold")
    described = [one for one in entries if isinstance(one, ObjectiveEntry)]
    for family, members in groupby(described, lambda one: one.family):
        made.add_row(family.upper(), style="bold")
        made.add_row()
        for one in members:
            _describe(made, one)
    for other in entries:
        if isinstance(other, FormatEntry):
            made.add_row(other.name, other.example, other.description)
        elif not isinstance(other, ObjectiveEntry):
            made.add_row(other.name, other.description, _from(other))
    return made


def _from(entry: Entry) -> str:
    return f"from {entry.origin}" if entry.origin else ""


def _describe(made: Table, one: ObjectiveEntry) -> None:
    """Rows for one objective: summary, source, requirements and fields."""
    made.add_row(one.name, "", one.description)
    if one.family == CONTROLS:
        return
    made.add_row("", "source", one.source)
    if one.origin:
        made.add_row("", "origin", _from(one))
    requires = "depends on its fields" if one.requires is None else ", ".join(one.requires)
    made.add_row("", "requires", one.usage or requires)
    for field in one.fields:
        default = "" if field.default is None else f" = {field.default}"
        made.add_row("", field.name + default, field.meaning)
    made.add_row("", "", "")
