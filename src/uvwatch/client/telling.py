"""What a client prints of the daemon's answers: lines that people read, or the JSON lines as they came.

The daemon words the lines; here is only decided where they go, and whether in colour.
"""

import select
import sys
from collections.abc import Mapping
from contextlib import suppress

import click

from uvwatch.client.connection import Answer
from uvwatch.project.rendezvous import Rendezvous
from uvwatch.serving import color as colors
from uvwatch.serving.color import Tone, painted
from uvwatch.serving.escape import escaped
from uvwatch.serving.stream import OutLines, StdoutClosed, sink_of


class Teller:
    """Prints answers that came with their text.

    Args:
        color: ``auto``, ``always`` or ``never``.
        environ: whose variables decide about colour.
    """

    def __init__(self, color: str, environ: Mapping[str, str]) -> None:
        tty = sys.stdout is not None and not sys.stdout.closed and sys.stdout.isatty()
        self._color = colors.wanted(color, tty=tty, env=environ)
        self._out = OutLines(sink_of(sys.stdout))

    def text(self, answer: Answer) -> None:
        """Print the lines of an event: what a failed build printed to stderr first.

        Raises:
            StdoutClosed: nobody reads any more.
        """
        for line in answer["text"]["errors"]:
            # A tab breaks no line, and programs indent with it.
            click.echo("\t".join(escaped(part) for part in line.split("\t")), err=True)
        for head, tail, tone in answer["text"]["lines"]:
            self._out.line(head + (painted(tail, Tone(tone)) if self._color else tail))

    def line(self, text: str) -> None:
        """Print one line.

        Raises:
            StdoutClosed: nobody reads any more.
        """
        self._out.line(text)

    def await_more(self, descriptor: int) -> None:
        """Return once there is more to read there, and to tell.

        Raises:
            StdoutClosed: nobody reads what would be told any more.
        """
        polled = select.poll()
        polled.register(descriptor, select.POLLIN)
        if self._out.sink is not None:
            # Errors and hang-ups are told although nothing is asked for.
            polled.register(self._out.sink.fileno(), 0)
        if descriptor not in dict(polled.poll()):
            raise StdoutClosed("nobody reads stdout any more")


class Unread(Teller):
    """Goes on where nobody reads stdout: what is done counts, not its lines."""

    def text(self, answer: Answer) -> None:
        """Print the lines of an event, if anybody listens."""
        with suppress(StdoutClosed):
            super().text(answer)

    def line(self, text: str) -> None:
        """Print one line, if anybody listens."""
        with suppress(StdoutClosed):
            super().line(text)


def tell_silence(place: Rendezvous) -> None:
    """Say on stderr what is waited for, and what to do about a daemon that does not answer."""
    try:
        pid = place.pid.read_text(encoding="ascii")
    except (OSError, ValueError):
        who, wake = "the running uvwatch", "SIGCONT wakes it"
    else:
        who, wake = f"the running uvwatch (pid {pid})", f"`kill -CONT {pid}` wakes it"
    sentence = f"uvwatch: still waiting for {who}: an update takes long, or the process is suspended; {wake}"
    with suppress(OSError):
        click.echo(sentence, err=True)
