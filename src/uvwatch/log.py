"""Logs on stderr: which level, in which form, without ever breaking a line or the program.

It knows structlog. It must not know what is logged; only ``cli`` and ``daemon`` import it, all others take their logger
from ``structlog.get_logger()``. Event names are dotted (``update.finished``), what belongs to them are keys
(``duration_ms=84.1``).
"""

import logging
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from uvwatch.serving import color as colors
from uvwatch.serving.escape import escaped
from uvwatch.serving.jsonlines import to_line
from uvwatch.serving.stream import ErrLines, sink_of

# One for the process, as stderr is: what logs and what else writes there take turns.
_STDERR = ErrLines(None)


def configure(
    verbosity: int,
    quiet: bool,  # noqa: FBT001 - as the option
    log_format: str,
    color: str,
    *,
    stderr: TextIO | None = None,
    env: Mapping[str, str] = os.environ,
) -> None:
    """Set up logging for the process; a later call replaces an earlier one.

    Args:
        verbosity: how often ``-v`` was given: warnings, then information, then debugging.
        quiet: errors only, whatever the verbosity.
        log_format: ``auto`` (``console``), ``console`` or ``json``.
        color: ``auto``, ``always`` or ``never``; JSON is never coloured.
        stderr: where logs go, by default ``sys.stderr`` as it is now.
        env: the environment variables.
    """
    stream: TextIO | None = sys.stderr if stderr is None else stderr
    _STDERR.sink = sink_of(stream)
    tty = stream is not None and not stream.closed and stream.isatty()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            *_renderers(log_format, color=colors.wanted(color, tty=tty, env=env)),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_level(verbosity, quiet=quiet)),
        logger_factory=lambda *_: _Logger(),
        cache_logger_on_first_use=False,
    )


def print_error(text: str) -> None:
    """Write a line to stderr as it stands, in turn with the logs; ``configure`` comes first."""
    _STDERR.line(text)


def share(guard: Callable[[], AbstractContextManager[None]]) -> None:
    """Enter ``guard()`` around every line on stderr from now on (``Terminal.above``)."""
    _STDERR.guard = guard


class _Logger:
    """What structlog hands each finished line to, under the name of its level."""

    def msg(self, line: str) -> None:
        print_error(line)

    debug = info = warning = error = critical = msg


def _level(verbosity: int, *, quiet: bool) -> int:
    if quiet:
        return logging.ERROR
    return {0: logging.WARNING, 1: logging.INFO}.get(verbosity, logging.DEBUG)


def _renderers(log_format: str, *, color: bool) -> list[Processor]:
    if log_format == "json":
        return [_to_json]
    plain = structlog.dev.plain_traceback  # rich's would show the values of local variables
    # Nothing is padded: sentences have no columns. The parameter of it has two names, by version.
    console = structlog.dev.ConsoleRenderer(0, colors=color, sort_keys=False, exception_formatter=plain)
    return [_as_sentence, _escape, console]


def _as_sentence(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Let a message follow the name, as people read it; a warning of its own kind is named by its code."""
    if "message" not in event:
        return event
    rest = dict(event)
    name, message = rest.pop("event"), rest.pop("message")
    return {"event": f"{rest.pop('code', name)}: {message}", **rest}


def _escape(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    # The renderer writes anything but a string by repr, which escapes by itself. A traceback keeps its lines.
    return {
        key: "\n".join(map(escaped, value.split("\n")) if key == "exception" else [escaped(value)])
        if isinstance(value, str)
        else value
        for key, value in event.items()
    }


def _to_json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    return to_line(event, default=repr)
