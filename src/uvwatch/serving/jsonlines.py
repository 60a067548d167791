"""The public JSON: an event in, an object and its line out.

It knows CONTRACT's "--json", key by key. It must not know where lines go; the time is an argument.
Objects are plain dictionaries whose strings may hold undecodable bytes as surrogates: only ``to_line`` may write them.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timezone
from typing import Any

from uvwatch.core.model import (
    CycleFinished,
    CycleStarted,
    Distribution,
    Event,
    Failure,
    HoldEnded,
    HoldStarted,
    Ready,
    Result,
    Stopped,
    Warned,
)
from uvwatch.serving.escape import CONTROL, hexadecimal
from uvwatch.serving.lines import output_tail

SCHEMA = 1
"""The version of all that is public here; it changes only when a reader of the old one would break."""

PATHS_AT_MOST = 100
"""How many changed paths a ``cycle.started`` names; it counts all of them."""

Object = dict[str, Any]


def event_object(event: Event, time: datetime) -> Object:
    """Give the event's JSON object; ``uvwatch sync --json`` prints that of its ``CycleFinished``.

    Args:
        event: what happened.
        time: when, aware of its zone.

    Raises:
        ValueError: the time has no zone.
    """
    name, body = _described(event)
    return {"schema": SCHEMA, "event": name, "time": rfc3339(time), **body}


def rfc3339(time: datetime) -> str:
    """Write ``2026-01-31T12:00:00.123Z`` (RFC 3339, UTC, milliseconds).

    Raises:
        ValueError: the time has no zone.
    """
    if time.tzinfo is None:
        raise ValueError(f"{time} has no time zone")
    return time.astimezone(timezone.utc).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def to_line(value: Mapping[str, Any], default: Callable[[Any], Any] | None = None) -> str:
    r"""Write an object as one line of valid UTF-8, without a newline.

    Undecodable bytes become ``\xNN`` in the text that a reader gets; control characters come back as they were.

    Args:
        value: the object.
        default: makes JSON of a value that is not (as in ``json.dumps``).
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=default)
    return CONTROL.sub(lambda found: _in_json(found[0]), text)


def failure_object(failure: Failure) -> Object:
    """Give the ``error`` object of a failure, its output cut to the last 40 lines."""
    return {
        "kind": failure.kind.value,
        "message": failure.message,
        "path": failure.path,
        "line": failure.line,
        "column": failure.column,
        "output": "\n".join(output_tail(failure.output)),
    }


def distribution_objects(distributions: Iterable[Distribution]) -> list[Object]:
    """Give the objects that say what is kept fresh."""
    return [{"name": one.name, "root": one.root, "editable": one.editable} for one in distributions]


def _described(event: Event) -> tuple[str, Object]:  # noqa: PLR0911 - one return an event
    match event:
        case CycleStarted():
            changes = {"count": len(event.paths), "paths": list(event.paths[:PATHS_AT_MOST])}
            return "cycle.started", {"cycle": event.cycle, "trigger": event.trigger.value, "changes": changes}
        case CycleFinished():
            return "cycle.finished", {
                "cycle": event.cycle,
                "outcome": event.outcome.value,
                "duration_ms": round(event.duration_ms, 1),
                "distributions": [_result(result) for result in event.results],
            }
        case Ready():
            return "ready", _ready(event)
        case HoldStarted():
            return "hold.started", {"command": list(event.command)}
        case HoldEnded():
            return "hold.ended", {"command": list(event.command)}
        case Warned():
            return "warning", {
                "code": event.code.value,
                "distribution": event.distribution,
                "message": event.message,
                "remedy": event.remedy,
            }
        case Stopped():
            return "stopped", {}


def _result(result: Result) -> Object:
    return {
        "name": result.name,
        "action": result.action.value,
        "reason": result.reason,
        "added": list(result.delta.added),
        "changed": list(result.delta.changed),
        "removed": list(result.delta.removed),
        "error": failure_object(result.error) if result.error else None,
    }


def _ready(event: Ready) -> Object:
    return {
        "version": event.version,
        "project": event.project,
        "environment": event.environment,
        "pid": event.pid,
        "distributions": distribution_objects(event.distributions),
        "watching": {"directories": event.directories, "backend": event.backend},
    }


def _in_json(character: str) -> str:
    # What json.dumps leaves as it is: DEL, C1 controls and line breaks have an escape of their own, surrogates do not
    # (a lone one is no character), so their bytes are spelled out, the backslash escaped once more.
    if "\ud800" <= character <= "\udfff":
        return hexadecimal(character).replace("\\", "\\\\")
    return f"\\u{ord(character):04x}"
