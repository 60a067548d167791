"""Where a command's events and its builds' output go: text or JSON, the terminal's live line, the log.

One value for ``watch`` and ``sync``; it knows streams, not what is told.
"""

import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

import structlog

from uvwatch import log as logs
from uvwatch.core.model import Event
from uvwatch.core.phase import Phase
from uvwatch.installing.uv import Uv
from uvwatch.keeping.site import Request
from uvwatch.serving import color as colors
from uvwatch.serving.report import Reporter, json_reporter, text_reporter
from uvwatch.serving.terminal import Terminal, terminal_on

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Display:
    """Tells events, phases and what a build prints."""

    reporter: Reporter
    terminal: Terminal | None

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

    def close(self) -> None:
        """Take the live line away."""
        logs.share(nullcontext)
        if self.terminal is not None:
            self.terminal.close()


def display_for(request: Request, *, as_json: bool, color: str, json: Callable[[], Reporter] | None = None) -> Display:
    """Choose where a command's events go.

    Args:
        request: whose environment variables decide about colour.
        as_json: JSON lines in place of text.
        color: ``auto``, ``always`` or ``never``.
        json: makes the reporter for JSON, where it is not one object an event.
    """
    if as_json:
        return Display(reporter=json() if json else json_reporter(stdout=sys.stdout), terminal=None)
    env = request.environ
    tty = sys.stdout is not None and not sys.stdout.closed and sys.stdout.isatty()
    terminal = terminal_on(sys.stdout, env, color=colors.wanted(color, tty=tty, env=env))
    if terminal is not None:
        logs.share(terminal.above)
    reporter = text_reporter(stdout=sys.stdout, err=logs.print_error, log=log, color=color, env=env, terminal=terminal)
    return Display(reporter=reporter, terminal=terminal)


def tell_passed_over(uv: Uv) -> None:
    """Say once which uv came first and was too old."""
    for each in uv.passed_over:
        log.warning("uv.passed_over", message=each, using=uv.path)
