"""The user's own commands after a cycle: one at a time, beside the work, bounded in time, the event on stdin.

It knows when a hook is due and what becomes of one that is late. It must not know what a hook does; nothing that one
does ends or delays an update.
"""

import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import anyio
import structlog

from uvwatch.core.config import Config
from uvwatch.core.model import CycleFinished, Event, Outcome
from uvwatch.errors import CycleFailed
from uvwatch.installing import process
from uvwatch.serving.jsonlines import event_object, to_line
from uvwatch.serving.report import utc_now

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A cycle that a hook is to be told of. ``skipped`` are the cycles of the same outcome that it stands for, too."""

    event: CycleFinished
    time: datetime
    skipped: tuple[CycleFinished, ...] = ()

    def after(self, waiting: "Due | None") -> "Due":
        """Take the place of one that still waited."""
        return self if waiting is None else replace(self, skipped=(*waiting.skipped, waiting.event))

    def object(self) -> dict[str, Any]:
        """What the hook reads: the event; a restart that a skipped cycle called for is still called for."""
        every = (*self.skipped, self.event)
        return {
            **event_object(self.event, self.time),
            "python": any(event.python for event in every),
            "skipped": [event.cycle for event in self.skipped],
        }


class Hooks:
    """Runs ``hooks.updated`` and ``hooks.failed``.

    A cycle that ends while a hook runs waits for it; of several with the same outcome the newest, which names those
    that it stands for.
    """

    def __init__(self, config: Callable[[], Config], *, project: Path, environ: Mapping[str, str]) -> None:
        self._config = config
        self._project = project
        self._environ = environ
        self._due: dict[Outcome, Due] = {}
        self._wake = anyio.Event()

    def publish(self, event: Event) -> None:
        """Take note of a finished cycle that a hook waits for."""
        if not isinstance(event, CycleFinished) or not self._command(event.outcome):
            return
        due = Due(event=event, time=utc_now()).after(self._due.pop(event.outcome, None))
        if due.skipped:
            log.warning(
                "hook.skipped",
                hook=_name(event.outcome),
                cycle=due.skipped[-1].cycle,
                message=f"the previous run has not ended: it is told of cycle {event.cycle} only",
            )
        self._due[event.outcome] = due
        self._wake.set()

    async def run(self) -> None:
        """Run what is due, for ever; a hook that runs when this is cancelled is ended with all its children."""
        while True:
            await self._wake.wait()
            self._wake = anyio.Event()
            await self.finish()

    async def finish(self) -> None:
        """Run what is due, and return."""
        while self._due:
            # In the order of the cycles: whoever is told of a failure first and of the update last believes the update.
            outcome = next(iter(self._due))
            await self._run(outcome, self._due.pop(outcome))

    async def _run(self, outcome: Outcome, due: Due) -> None:
        command, name = self._command(outcome), _name(outcome)
        if not command:
            return  # the setting was taken away meanwhile
        said: list[str] = []

        def on_line(line: str) -> None:
            log.info("hook.output", hook=name, line=line)
            said[:] = [line] if line.strip() else said

        try:
            with tempfile.TemporaryFile() as stdin:
                stdin.write(to_line(due.object()).encode() + b"\n")
                stdin.seek(0)
                completed = await process.run(
                    command,
                    cwd=os.fspath(self._project),
                    env=self._environ,
                    timeout=self._config().hooks_timeout,
                    on_line=on_line,
                    stdin=stdin,
                )
        except (CycleFailed, OSError) as error:
            log.warning("hook.failed", hook=name, cycle=due.event.cycle, message=str(error))
            return
        if completed.returncode:
            told = {"last_line": said[0]} if said else {}
            message = f"{command[0]} ended with {_status(completed.returncode)}; -v logs what it prints"
            log.warning("hook.failed", hook=name, cycle=due.event.cycle, message=message, **told)

    def _command(self, outcome: Outcome) -> tuple[str, ...] | None:
        config = self._config()
        match outcome:
            case Outcome.UPDATED:
                return config.hooks_updated
            case Outcome.FAILED:
                return config.hooks_failed
            case Outcome.UNCHANGED:
                return None


def _name(outcome: Outcome) -> str:
    return f"hooks.{outcome.value}"


def _status(returncode: int) -> str:
    return f"signal {-returncode}" if returncode < 0 else f"status {returncode}"
