"""The command line, read from the commands themselves."""

from collections.abc import Iterator
from typing import Any

import typer

from photonflow import cli

from .markdown import code, page, plain, table


def pages() -> dict[str, str]:
    """One page of all commands."""
    return {"reference/commands.md": _page()}


def commands() -> dict[str, Any]:
    """Every command by its name."""
    group: Any = typer.main.get_command(cli.app)
    return group.commands


def _page() -> str:
    return page(
        "# Command line",
        """`photonflow COMMAND --help` prints the same. Results go to stdout, progress
and messages to stderr.""",
        '--8<-- "README.md:exit-codes"',
        *(block for item in commands().items() for block in _command(*item)),
    )


def _command(name: str, command: Any) -> Iterator[str]:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option"]
    usage = [p.metavar or p.name.upper() for p in arguments]
    usage = [
        word if p.required else f"[{word}]"
        for p, word in zip(arguments, usage, strict=True)
    ]
    yield f"## photonflow {name} {{#{name}}}"
    yield f"```text\nphotonflow {' '.join([name, *usage])} [OPTIONS]\n```"
    yield command.help
    rows = [
        *zip(usage, arguments, strict=True),
        *((_flags(option), option) for option in options),
    ]
    yield table(
        ("argument or option", "meaning"),
        ((code(text), plain(parameter.help or "")) for text, parameter in rows),
    )


def _flags(option: Any) -> str:
    flags = ", ".join(option.opts)
    if option.is_flag:
        return flags
    again = " ..." if option.multiple else ""
    return f"{flags} {option.metavar or option.type.name.upper()}{again}"
