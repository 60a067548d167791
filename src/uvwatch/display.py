"""Where a command's events and its builds' output go: text or JSON, the terminal's live line, the log.

One value for ``watch`` and ``sync``; it knows streams, not what is told.
"""

import sys
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass

import structlog

from uvwatch import log as logs
from uvwatch.core.model import Event
from uvwatch.core.phase import Phase
from uvwatch.installing.uv import Uv
from uvwatch.keeping.site import Request
from uvwatch.serving import color as colors
from uvwatch.serving.backlog import Backlog
from uvwatch.serving.departing import departed
from uvwatch.serving.report import Reporter, json_reporter, text_reporter
from uvwatch.serving.stream import OutLines, StdoutClosed, sink_of
from uvwatch.serving.terminal import Terminal, terminal_on
from uvwatch.tasks import background

LAST_WORDS = 0.5
"""Seconds that a reader of stdout that does not read holds up a stop."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Display:
    """Tells events, phases and what a build prints."""

    reporter: Reporter
    terminal: Terminal | None
    out: Backlog

    def publish(self, event: Event) -> None:
        """Tell one event.

        Raises:
            StdoutClosed: nobody reads any more.
        """
        self.reporter.publish(event)

    def show(self, phase: Phase, detail: str | None = None) -> None:
        """Say in the terminal's last line what goes on now."""
        if self.terminal is not None:
            self.terminal.show(phase, detail)

    def output(self, line: str) -> None:
        """Take a line that uv or the backend printed."""
        log.debug("build.output", line=line)
        if self.terminal is not None:
            self.terminal.build_line(line)

    async def run(self) -> None:
        """Redraw the live line, and let no line wait for its reader. Ends by cancellation.

        Raises:
            StdoutClosed: nobody reads any more.
        """
        async with background() as tasks:
            if self.terminal is not None:
                tasks.start_soon(self.terminal.run)
            tasks.start_soon(self._end_unread)
            await self.out.run()

    async def _end_unread(self) -> None:
        """End ``run`` when the reader goes, though there may be no line to write for long."""
        if self.out.sink is not None:
            await departed(self.out.sink)
            raise StdoutClosed("nobody reads stdout any more")

    def close(self) -> None:
        """Take the live line away."""
        logs.share(nullcontext)
        if self.terminal is not None:
            self.terminal.close()

    def finish(self, patience: float | None) -> None:
        """Write what still waits for a reader: for so many seconds without progress, or for as long as it takes."""
        with suppress(StdoutClosed):
            self.out.finish(patience)


def display_for(
    request: Request, *, as_json: bool, color: str, json: Callable[[OutLines], Reporter] = json_reporter
) -> Display:
    """Choose where a command's events go.

    Args:
        request: whose environment variables decide about colour.
        as_json: JSON lines in place of text.
        color: ``auto``, ``always`` or ``never``.
        json: makes the reporter for JSON, by default one object an event.
    """
    out = Backlog(sink_of(sys.stdout), tell=lambda sentence: log.warning("stdout.behind", message=sentence))
    if as_json:
        return Display(reporter=json(out), terminal=None, out=out)
    env = request.environ
    tty = sys.stdout is not None and not sys.stdout.closed and sys.stdout.isatty()
    colored = colors.wanted(color, tty=tty, env=env)
    terminal = terminal_on(sys.stdout, env, color=colored, out=out)
    if terminal is not None:
        logs.share(terminal.above)
    reporter = text_reporter(
        stdout=sys.stdout, out=out, err=logs.print_error, log=log, color=color, env=env, terminal=terminal
    )
    return Display(reporter=reporter, terminal=terminal, out=out)


def tell_passed_over(uv: Uv) -> None:
    """Say once which uv came first and was too old, or did not run."""
    for each in uv.passed_over:
        log.warning("uv.passed_over", message=each, using=uv.path)
