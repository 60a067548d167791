"""What ``uvwatch watch --json`` tells, as tests ask for it: the next cycle, a warning, and the disk as it becomes."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.e2e.conftest import Daemon
from tests.e2e.lines import PATIENCE

_POLL = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    """One cycle: its two events, and the warnings that were told since the one before."""

    started: dict[str, Any]
    finished: dict[str, Any]
    warnings: tuple[dict[str, Any], ...]

    @property
    def number(self) -> int:
        """Which one."""
        return int(self.started["cycle"])

    @property
    def trigger(self) -> str:
        """What began it."""
        return str(self.started["trigger"])

    @property
    def outcome(self) -> str:
        """How it ended."""
        return str(self.finished["outcome"])

    @property
    def error(self) -> dict[str, Any]:
        """The error of the one distribution that failed."""
        [error] = [each["error"] for each in self.finished["distributions"] if each["error"]]
        assert isinstance(error, dict)
        return error


def next_cycle(daemon: Daemon) -> Cycle:
    """Wait for the end of the next cycle."""
    events = [json.loads(line) for line in daemon.out.until(r'\{.*"event":"cycle\.finished"')]
    [started] = [event for event in events if event["event"] == "cycle.started"]
    return Cycle(
        started=started,
        finished=events[-1],
        warnings=tuple(event for event in events if event["event"] == "warning"),
    )


def warning(daemon: Daemon, code: str) -> dict[str, Any]:
    """Wait for the next warning of this code."""
    return dict(json.loads(daemon.out.until(rf'\{{.*"code":"{code}"')[-1]))


def wait_until(true: Callable[[], bool], what: str) -> None:
    """Ask again and again until it is true."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, f"not within {PATIENCE:g} s: {what}"
        time.sleep(_POLL)
