"""The reference page of the command line, made from the Typer application itself."""

from typing import Any

import typer

from harness.cli import app

HEAD = """# The command line

This page is generated from the program. `harness COMMAND --help` prints the same.
If something in a command is wrong, it prints one sentence and ends with exit code 2. After Ctrl-C, it ends with 130.
"""


def commands_page() -> str:
    """Each command with its arguments and options."""
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    return "\n".join([HEAD, *(_section(name, command) for name, command in sorted(commands.items()))])


def _section(name: str, command: Any) -> str:
    shown = [parameter for parameter in command.params if not getattr(parameter, "hidden", False)]
    arguments = [one.name.upper() for one in shown if one.param_type_name == "argument"]
    rows = [_row(one) for one in shown]
    table = ["| option | meaning | default |", "| --- | --- | --- |", *rows] if rows else []
    usage = " ".join(["harness", name, *arguments, "[OPTIONS]"])
    return "\n".join([f"## harness {name}", "", _cell(command.help or ""), "", f"    {usage}", "", *table, ""])


def _row(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        names = parameter.name.upper()
    else:
        names = ", ".join([*parameter.opts, *parameter.secondary_opts])
    default = "required" if parameter.required else _default(parameter.default)
    return f"| `{names}` | {_cell(parameter.help or '')} | {_cell(default)} |"


def _default(value: Any) -> str:
    return "" if value is None or value is False else f"`{value}`"


def _cell(text: str) -> str:
    for sign in "|[":
        text = text.replace(sign, f"\\{sign}")
    return " ".join(text.split())
