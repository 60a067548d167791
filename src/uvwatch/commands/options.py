"""What commands share: the common options, an option for each scalar setting, and the request that they make.

Knows options only. What a command does with its request is not known here.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from uvwatch.client.finding import Place, find_place
from uvwatch.core.config import KEYS, Key, Kind

if TYPE_CHECKING:
    from uvwatch.keeping.site import Request

Command = TypeVar("Command", bound=Callable[..., Any])

FAILED = 1


def common(command: Command) -> Command:
    """Add the options that every command has."""
    options = (
        click.option(
            "--project",
            type=click.Path(path_type=Path),
            metavar="DIR",
            help="Begin here, not in the current directory.",
        ),
        click.option("--environment", type=click.Path(path_type=Path), metavar="DIR", help="The virtual environment."),
        click.option("--active", is_flag=True, help="Take the environment that VIRTUAL_ENV names."),
        click.option(
            "--package", "packages", multiple=True, metavar="NAME", help="Only this distribution (repeatable)."
        ),
        click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout."),
        click.option(
            "-v", "--verbose", count=True, help="Log more to stderr (-vv: also what uv and the backend print)."
        ),
        click.option("-q", "--quiet", is_flag=True, help="Log errors only."),
        click.option(
            "--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="Colour the output."
        ),
        click.option(
            "--log-format", type=click.Choice(["auto", "console", "json"]), default="auto", help="The form of logs."
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def cacheless(command: Command) -> Command:
    """Add the option of the commands that do their work once and end."""
    return click.option("--no-cache", is_flag=True, help="Leave nothing behind but the environment, as UV_NO_CACHE=1.")(
        command
    )


def settings(*, but: str = "") -> Callable[[Command], Command]:
    """Add one option for each scalar setting, but for the one that a command has in another form."""
    keys = [key for key in KEYS if key.scalar and key.name != but]
    return lambda command: _with_settings(command, keys)


def _with_settings(command: Command, keys: list[Key]) -> Command:
    for key in reversed(keys):
        command = click.option(
            key.option,
            key.field,
            type=_type(key),
            metavar=_metavar(key),
            help=f"{key.help[0].upper()}{key.help[1:]}.",
        )(command)
    return command


def _metavar(key: Key) -> str | None:
    return None if key.choices else "BOOL" if key.kind is Kind.FLAG else "SECONDS"


def _type(key: Key) -> click.ParamType[Any] | type:
    if key.kind is Kind.CHOICE and key.choices is not None:
        return click.Choice([choice.value for choice in key.choices])
    return str


def merged_options(ctx: click.Context, given: Mapping[str, Any]) -> dict[str, Any]:
    """Unite the common options given before and after the command's name; those after it win."""
    return {
        name: given[name] if ctx.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT else ctx.obj[name]
        for name in ctx.obj
    }


def place_of(merged: Mapping[str, Any]) -> Place:
    """Find the environment that the common options mean, and where its daemon would be met.

    Raises:
        Fatal: there is no project, or no environment could be meant.
    """
    return find_place(
        merged["project"] or Path.cwd(), os.environ, environment=merged["environment"], active=merged["active"]
    )


def configure_log(merged: Mapping[str, Any]) -> None:
    """Set up the log as the common options say."""
    from uvwatch import log  # noqa: PLC0415 - structlog is slow to import, and a client needs none of it

    log.configure(merged["verbose"], merged["quiet"], merged["log_format"], merged["color"])


def request_of(
    ctx: click.Context, given: Mapping[str, Any], options: Mapping[str, Any], **extra: Any
) -> "tuple[Request, dict[str, Any]]":
    """Make the request of the common options, and set up the log as they say."""
    merged = merged_options(ctx, given)
    configure_log(merged)
    from uvwatch.keeping.site import Request  # noqa: PLC0415 - as slow

    request = Request(
        project=merged["project"] or Path.cwd(),
        environment=merged["environment"],
        active=merged["active"],
        packages=tuple(merged["packages"]) or None,
        options=options,
        environ={**os.environ, **({"UV_NO_CACHE": "1"} if given.get("no_cache") else {})},
        **extra,
    )
    return request, merged


def scalars(options: Mapping[str, Any]) -> dict[str, Any]:
    """Pick the scalar settings from a command's options."""
    return {key.field: options[key.field] for key in KEYS if key.scalar and key.field in options}
