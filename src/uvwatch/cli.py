"""The command line: what was typed becomes a request, what happened becomes an exit status.

Errors end here: ``Fatal`` as one sentence, anything unexpected as a bug report with a traceback. The commands' work is
done elsewhere; this module knows options and streams only.
"""

import io
import os
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import anyio
import click

from uvwatch import __version__
from uvwatch.core.config import KEYS, Key, Kind
from uvwatch.errors import Fatal
from uvwatch.keeping.site import Request
from uvwatch.serving.escape import escaped

Command = TypeVar("Command", bound=Callable[..., Any])

CHECK_UNKNOWN = 2
FAILED = 1
BUG = 4


class WatchByDefault(click.Group):
    """A group whose ``watch`` may be left out."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put ``watch`` in front where no command is named."""
        asks = {"--help", "--version", *ctx.help_option_names}
        if not any(arg in self.commands for arg in args) and not asks.intersection(args):
            stray = next((arg for arg in args if not arg.startswith("-")), None)
            if stray is None or args[0].startswith("-"):
                args = ["watch", *args]
        return super().parse_args(ctx, args)


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


def settings(*, but: str = "") -> Callable[[Command], Command]:
    """Add one option for each scalar setting, but for the one that a command has in another form."""
    keys = [key for key in KEYS if key.scalar and key.name != but]
    return lambda command: _with_settings(command, keys)


def _with_settings(command: Command, keys: list[Key]) -> Command:
    for key in reversed(keys):
        command = click.option(
            f"--{key.name}",
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
    return click.BOOL if key.kind is Kind.FLAG else str


@click.group(
    cls=WatchByDefault,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="uvwatch", message="%(prog)s %(version)s")
@common
@click.pass_context
def cli(ctx: click.Context, /, **options: Any) -> None:
    """Keep the installed copy of your project in a uv environment true to its source tree.

    Without a command it watches.
    """
    ctx.obj = options


def _request(
    ctx: click.Context, given: Mapping[str, Any], options: Mapping[str, Any], **extra: Any
) -> tuple[Request, dict[str, Any]]:
    """Unite the common options given before and after the command's name; those after it win."""
    merged = {
        name: given[name] if ctx.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT else ctx.obj[name]
        for name in ctx.obj
    }
    from uvwatch import log  # noqa: PLC0415 - structlog is slow to import, and --help needs none of it

    log.configure(merged["verbose"], merged["quiet"], merged["log_format"], merged["color"])
    request = Request(
        project=merged["project"] or Path.cwd(),
        environment=merged["environment"],
        active=merged["active"],
        packages=tuple(merged["packages"]) or None,
        options=options,
        environ=dict(os.environ),
        **extra,
    )
    return request, merged


def _scalars(options: Mapping[str, Any]) -> dict[str, Any]:
    return {key.field: options[key.field] for key in KEYS if key.scalar and key.field in options}


@cli.command(epilog="Example: uvwatch watch --settle 0.2")
@common
@settings()
@click.option("--follow", is_flag=True, hidden=True)
@click.pass_context
def watch(ctx: click.Context, /, *, follow: bool, **options: Any) -> None:
    """Bring the environment up to date, then keep it so."""
    if follow:
        raise Fatal("--follow is not available yet in this version of uvwatch")
    request, merged = _request(ctx, options, _scalars(options))
    from uvwatch.daemon import watch as run  # noqa: PLC0415 - see _request

    anyio.run(partial(run, request, as_json=merged["as_json"], color=merged["color"]))


@cli.command(epilog="Example: uvwatch sync && pytest")
@common
@settings(but="editable")
@click.option("--reinstall", is_flag=True, help="Forget what was learned and go through uv.")
@click.option("--editable/--no-editable", "mode", default=None, help="Also change the mode.")
@click.option("--timeout", type=float, default=300.0, metavar="S", help="Give up after so many seconds (300).")
@click.pass_context
def sync(ctx: click.Context, /, *, reinstall: bool, mode: bool | None, timeout: float, **options: Any) -> None:
    """Return once everything saved before the call is installed."""
    request, merged = _request(ctx, options, _scalars(options), reinstall=reinstall, editable=mode)
    from uvwatch.once import sync as run  # noqa: PLC0415 - see _request

    ctx.exit(anyio.run(partial(run, request, timeout=timeout, as_json=merged["as_json"], color=merged["color"])))


@cli.command(epilog="Example: uvwatch check || echo stale")
@common
@click.pass_context
def check(ctx: click.Context, /, **options: Any) -> None:
    """Say whether the installed copies are stale, file by file, and why."""
    request, merged = _request(ctx, options, {})
    from uvwatch.once import check as run  # noqa: PLC0415 - see _request

    fresh = anyio.run(partial(run, request, as_json=merged["as_json"]))
    ctx.exit(CHECK_UNKNOWN if fresh is None else 0 if fresh else FAILED)


@cli.command(epilog="Example: uvwatch explain myapp/static/css/site.css")
@common
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.pass_context
def explain(ctx: click.Context, /, *, paths: tuple[str, ...], **options: Any) -> None:
    """Say what PATH is, which rule decided, where it is installed, and what a change to it would do."""
    request, merged = _request(ctx, options, {})
    from uvwatch.explaining import explain as run  # noqa: PLC0415 - see _request

    ctx.exit(0 if anyio.run(partial(run, request, paths, as_json=merged["as_json"])) else FAILED)


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with its status."""
    # A stray byte in an argument, or a C locale, must not turn a sentence into a traceback.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        # Outside of its standalone mode click returns what ctx.exit was given.
        given = cli.main(argv, prog_name="uvwatch", standalone_mode=False)
        status = given if isinstance(given, int) else 0
    except click.exceptions.Exit as error:
        status = error.exit_code
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        status = 130
    except Fatal as error:
        click.echo(f"uvwatch: error: {escaped(str(error))}", err=True)
        status = error.exit_code
    except Exception:  # noqa: BLE001 - the one place where a bug is told as one
        _tell_bug()
        status = BUG
    sys.exit(status)


def _tell_bug() -> None:
    import traceback  # noqa: PLC0415 - only for a bug

    click.echo(
        f"{traceback.format_exc()}uvwatch: this is a bug in uvwatch {__version__} (Python {platform.python_version()},"
        f" {platform.system()} {platform.release()}): please report it with the lines above",
        err=True,
    )
