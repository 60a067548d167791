"""What the world is told, event by event: text or JSON on stdout, warnings and the output of failed builds on stderr.

It knows which stream each part goes to and in which order. It must not know how a line is worded (``lines``,
``jsonlines``) nor how it is written (``stream``, ``terminal``).
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Protocol, TextIO

from uvwatch.core.model import CycleFinished, Event, Warned
from uvwatch.serving import color as colors
from uvwatch.serving.escape import escaped
from uvwatch.serving.jsonlines import event_object, to_line
from uvwatch.serving.lines import lines_of, output_tail
from uvwatch.serving.stream import OutLines
from uvwatch.serving.terminal import Terminal

WriteLine = Callable[[str], None]


class Reporter(Protocol):
    """Whoever tells events to the world."""

    def publish(self, event: Event) -> None:
        """Tell one event; it is flushed when this returns.

        Raises:
            StdoutClosed: nobody reads any more.
        """


class WarningLog(Protocol):
    """The part of a structlog logger that is used here."""

    def warning(self, event: str, /, **values: object) -> object:
        """Log a warning."""


class TextReporter:
    """The frozen lines; warnings go to the log."""

    def __init__(self, *, out: WriteLine, err: WriteLine, log: WarningLog, color: bool) -> None:
        self._out = out
        self._err = err
        self._log = log
        self._color = color

    def publish(self, event: Event) -> None:
        """Tell one event: a failed build's last 40 lines on stderr, then the lines of stdout.

        Raises:
            StdoutClosed: nobody reads any more.
        """
        if isinstance(event, Warned):
            about = {"distribution": event.distribution} if event.distribution else {}
            self._log.warning("warning", code=event.code.value, **about, message=event.message, remedy=event.remedy)
        if isinstance(event, CycleFinished):
            self._print_output(event)
        for line in lines_of(event):
            self._out(line.colored if self._color else line.text)

    def _print_output(self, event: CycleFinished) -> None:
        for result in event.results:
            if result.error is not None:
                for line in output_tail(result.error.output):
                    # A tab breaks no line, and programs indent with it.
                    self._err("\t".join(escaped(part) for part in line.split("\t")))


class JsonReporter:
    """One JSON object a line, warnings and the output of failed builds included."""

    def __init__(self, *, out: WriteLine, clock: Callable[[], datetime]) -> None:
        self._out = out
        self._clock = clock

    def publish(self, event: Event) -> None:
        """Tell one event.

        Raises:
            StdoutClosed: nobody reads any more.
        """
        self._out(to_line(event_object(event, self._clock())))


def utc_now() -> datetime:
    """Give the time, aware of its zone."""
    return datetime.now(timezone.utc)


def text_reporter(
    *,
    stdout: TextIO | None,
    out: OutLines,
    err: WriteLine,
    log: WarningLog,
    color: str,
    env: Mapping[str, str],
    terminal: Terminal | None = None,
) -> TextReporter:
    """Report in text: through the terminal where there is one, else straight to stdout.

    Args:
        stdout: the text stream; None where it was closed before the program began. It says whether there is colour.
        out: writes to it.
        err: writes a line to stderr (``log.print_error``).
        log: takes the warnings.
        color: ``auto``, ``always`` or ``never``.
        env: the environment variables.
        terminal: the live line on stdout.
    """
    tty = stdout is not None and not stdout.closed and stdout.isatty()
    write = terminal.print if terminal is not None else out.line
    return TextReporter(out=write, err=err, log=log, color=colors.wanted(color, tty=tty, env=env))


def json_reporter(out: OutLines) -> JsonReporter:
    """Report in JSON lines on stdout."""
    return JsonReporter(out=out.line, clock=utc_now)
