"""The command line: what was typed is given to a command, what happened becomes an exit status.

Errors end here: ``Fatal`` as one sentence, anything unexpected as a bug report with a traceback. The commands stand in
``commands``; this module knows streams and exit statuses only.
"""

import gc
import io
import os
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any, NoReturn

import click

from uvwatch import __version__
from uvwatch.commands.options import common
from uvwatch.errors import Fatal
from uvwatch.serving.escape import escaped
from uvwatch.serving.stream import UNWRITTEN, empty, note_full

COMMANDS = {
    "watch": "work",
    "sync": "syncing",
    "check": "work",
    "status": "asking",
    "explain": "work",
    "events": "asking",
    "hold": "asking",
    "stop": "asking",
    "doctor": "doctor",
    "init": "init",
}
"""Each command with its module in ``commands``, which is imported when it is used: an asking client is to be quick."""

BUG = 4
NOT_WRITTEN = 2

_STRAY_BYTE = re.compile(r"(?<!\\)\\udc([89a-f][0-9a-f])")
"""A byte that is no UTF-8 as Python writes it, which is how click quotes what was typed."""


class WatchByDefault(click.Group):
    """A group of ``COMMANDS`` whose ``watch`` may be left out."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give the commands in the order of their use."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of a command."""
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        command = getattr(import_module(f"uvwatch.commands.{COMMANDS[cmd_name]}"), cmd_name)
        # ``__main__`` had it wait: from here on there may be garbage.
        gc.freeze()
        gc.enable()
        return command if isinstance(command, click.Command) else None

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put ``watch`` in front where no command is named; a shell that completes asks for the commands, though."""
        if ctx.resilient_parsing:
            return super().parse_args(ctx, args)
        asks = {"--help", "--version", *ctx.help_option_names}
        words = self._without_values(args)
        if not any(word in COMMANDS for word in words) and not asks.intersection(words):
            stray = next((word for word in words if not word.startswith("-")), None)
            if stray is None or args[0].startswith("-"):
                args = ["watch", *args]
        return super().parse_args(ctx, args)

    def _without_values(self, args: list[str]) -> list[str]:
        """Leave out what follows an option of our own as its value: a directory may be called as a command."""
        own = [
            param for param in self.params if isinstance(param, click.Option) and not param.is_flag and not param.count
        ]
        valued = {name for option in own for name in option.opts}
        return [arg for before, arg in zip(["", *args], args, strict=False) if before not in valued]


@click.group(
    cls=WatchByDefault,
    epilog="Example: uvwatch --project ~/myapp",
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


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with its status."""
    if argv is None:
        _read_names_as_utf_8()
    # A stray byte in an argument, or a C locale, must not turn a sentence into a traceback.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    status = _run(argv)
    empty(sys.stdout)
    if UNWRITTEN:
        _tell(f"uvwatch: error: stdout cannot be written ({UNWRITTEN[0].strerror})")
        status = status or NOT_WRITTEN
    empty(sys.stderr)
    _leave(status)


def _leave(status: int) -> NoReturn:
    """End; who only asked, and so has no thread and nothing unwritten, without having the interpreter taken apart.

    That takes a quarter of the time that asking takes. mypy ends so, too.
    """
    if "anyio" not in sys.modules:
        os._exit(status)
    sys.exit(status)


def _read_names_as_utf_8() -> None:
    """Begin again in Python's UTF-8 mode where the locale has another encoding: wheels and RECORD have UTF-8.

    By an option, which children do not inherit: they run in the user's own environment.
    """
    if sys.getfilesystemencoding() != "utf-8" and not sys.flags.utf8_mode:
        with suppress(OSError):
            os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])  # noqa: S606 - no shell


def _run(argv: Sequence[str] | None) -> int:
    """Run the command line and give its exit status; errors are told."""
    status = 0
    try:
        # Outside of its standalone mode click returns what ctx.exit was given.
        given = cli.main(argv, prog_name="uvwatch", standalone_mode=False)
        status = given if isinstance(given, int) else 0
    except click.exceptions.Exit as error:
        status = error.exit_code
    except click.ClickException as error:
        _tell_misuse(error)
        status = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        status = 130
    except Fatal as error:
        _tell(f"uvwatch: error: {escaped(str(error))}")
        status = error.exit_code
    except Exception as error:  # noqa: BLE001 - the one place where a bug is told as one
        # click writes to stdout by itself; what has a name is another file.
        if not (isinstance(error, OSError) and error.filename is None and note_full(error)):
            _tell_bug()
            status = BUG
    return status


def _tell(text: str) -> None:
    """Print to stderr, if that can be: the exit status says it too."""
    with suppress(OSError):
        click.echo(text, err=True)


def _tell_misuse(error: click.ClickException) -> None:
    """Print what click has to say; it shows what was typed as it is."""
    shown = io.StringIO()
    error.show(shown)
    for line in shown.getvalue().removesuffix("\n").split("\n"):
        # A tab breaks no line, and click indents with it.
        printable = "\t".join(escaped(part) for part in line.split("\t"))
        _tell(_STRAY_BYTE.sub(r"\\x\1", printable))


def _tell_bug() -> None:
    import platform  # noqa: PLC0415 - only for a bug
    import traceback  # noqa: PLC0415 - as above

    _tell(
        f"{traceback.format_exc()}uvwatch: this is a bug in uvwatch {__version__} (Python {platform.python_version()},"
        f" {platform.system()} {platform.release()}): please report it with the lines above"
    )
