"""What ``uvwatch status`` tells, as a value and as the public object.

It knows CONTRACT's keys. It must not know how the daemon comes by them.
"""

from dataclasses import dataclass
from datetime import datetime

from uvwatch.core.model import Distribution
from uvwatch.core.phase import Phase
from uvwatch.serving.jsonlines import SCHEMA, Object, distribution_objects, rfc3339


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The daemon now.

    Attributes:
        version: of uvwatch.
        pid: the daemon's process.
        environment: the absolute path.
        phase: what it does, and ``since`` when.
        since: aware of its zone.
        fresh: whether nothing is known, or suspected, to be stale.
        cycle: the number of the last cycle that began, 0 before the first.
        last: the object of the last finished cycle, None before the first.
        failed: that of the last one that failed, None if one succeeded since.
        holds: who holds: the process if it is known, and its argv.
        distributions: what is kept fresh.
        directories: how many directories of their trees are looked at.
        backend: how changes are noticed.
    """

    version: str
    pid: int
    environment: str
    phase: Phase
    since: datetime
    fresh: bool
    cycle: int
    last: Object | None
    failed: Object | None
    holds: tuple[tuple[int | None, tuple[str, ...]], ...]
    distributions: tuple[Distribution, ...]
    directories: int
    backend: str


def status_object(status: Status) -> Object:
    """Give the object that ``uvwatch status --json`` prints while a daemon runs."""
    return {
        "schema": SCHEMA,
        "running": True,
        "version": status.version,
        "pid": status.pid,
        "environment": status.environment,
        "phase": status.phase.value,
        "fresh": status.fresh,
        "cycle": status.cycle,
        "last": status.last,
        "error": _error(status.failed) if status.failed is not None else None,
        "holds": [{"pid": pid, "command": list(command)} for pid, command in status.holds],
        "since": rfc3339(status.since),
        "distributions": distribution_objects(status.distributions),
        "watching": {"directories": status.directories, "backend": status.backend},
    }


def _error(failed: Object) -> Object | None:
    """The first error of a cycle, with the distribution that it hit and the time."""
    for each in failed["distributions"]:
        if each["error"] is not None:
            return {"time": failed["time"], "distribution": each["name"], **each["error"]}
    return None
