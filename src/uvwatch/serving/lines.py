r"""The frozen text lines that people and problem matchers follow: an event in, lines out.

It knows CONTRACT's "Lines on stdout" to the letter. It must not know where lines go, nor what time it is.
Every line is one line: control characters and undecodable bytes stand as ``\xNN``.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from uvwatch.core.model import (
    Action,
    CycleFinished,
    CycleStarted,
    Delta,
    Event,
    Failure,
    HoldEnded,
    HoldStarted,
    Outcome,
    Ready,
    Result,
    Stopped,
    Trigger,
    Warned,
)
from uvwatch.serving.color import Tone, painted
from uvwatch.serving.escape import escaped

OUTPUT_LINES = 40
"""How many lines of a failed build's output are shown."""

_PREFIX = "uvwatch: "
_PATHS_NAMED = 2
_PLACE = re.compile(r"(:[0-9]+:[0-9]+:) error:(?= )")
_SECOND_MS = 1000
_WITHOUT_PATHS = {
    Trigger.START: "checking at start",
    Trigger.CHANGE: "files changed",
    Trigger.SYNC: "asked by sync",
    Trigger.AUDIT: "found by the audit",
    Trigger.RETRY: "trying again",
    Trigger.ENVIRONMENT: "the environment changed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line without its newline. Only ``tail`` is ever coloured, so that a matcher finds ``head`` as it stands."""

    head: str
    tail: str = ""
    tone: Tone = Tone.PLAIN

    @property
    def text(self) -> str:
        """The line without colour."""
        return self.head + self.tail

    @property
    def colored(self) -> str:
        """The line with its tail in colour."""
        return self.head + painted(self.tail, self.tone)


def lines_of(event: Event) -> tuple[Line, ...]:
    """Give the lines of stdout that tell the event: none for warnings (those go to the log) and holds."""
    match event:
        case CycleStarted():
            return (_began(event),)
        case CycleFinished():
            problems = (problem(result.error) for result in event.results if result.error)
            return (*(Line(head=text) for text in problems if text is not None), _ended(event))
        case Ready():
            return (_ready(event),)
        case Stopped():
            return (Line(head=f"{_PREFIX}stopped"),)
        case Warned() | HoldStarted() | HoldEnded():
            return ()


def problem(failure: Failure) -> str | None:
    """Give ``PATH:LINE:COLUMN: error: MESSAGE``, or None for a failure without a place.

    A line or column that is not known is 1: an editor then opens the file at its top.
    """
    if not failure.path:
        return None
    # A file whose name looks like one of our own lines must not end a matcher's cycle.
    path = f"./{failure.path}" if failure.path.startswith(_PREFIX.rstrip()) else failure.path
    message = message_of(failure).removeprefix(f"{failure.path}: ")  # the end line needs it, this one has it
    return escaped(f"{path}:{failure.line or 1}:{failure.column or 1}: error: {message}")


def message_of(failure: Failure) -> str:
    """Give the failure's message, never empty, as it stands (not escaped)."""
    return failure.message.strip() or f"{failure.kind.value} error"


def output_tail(output: str) -> tuple[str, ...]:
    """Give the last 40 lines of a program's output, without newlines, as they stand (not escaped)."""
    stripped = output.rstrip()
    return tuple(line.rstrip("\r") for line in stripped.split("\n")[-OUTPUT_LINES:]) if stripped else ()


def duration(milliseconds: float) -> str:
    """Write ``84 ms`` below a second and ``1.2 s`` from there on."""
    whole = round(milliseconds)
    return f"{whole} ms" if whole < _SECOND_MS else f"{milliseconds / _SECOND_MS:.1f} s"


def counted(count: int, singular: str, plural: str | None = None) -> str:
    """Write ``1 file`` or ``3 files``."""
    return f"{count} {singular if count == 1 else plural or singular + 's'}"


def _began(event: CycleStarted) -> Line:
    if event.trigger is Trigger.START:
        names: tuple[str, ...] = ()
        why = _WITHOUT_PATHS[event.trigger]
    else:
        names = event.names
        why = _changes(event.paths) if event.paths else _WITHOUT_PATHS[event.trigger]
    head = f"{_PREFIX}updating {_who(names)}" if names else f"{_PREFIX}updating"
    return Line(head=escaped(head), tail=escaped(f": {why}"), tone=Tone.DIM)


def _changes(paths: Sequence[str]) -> str:
    named = paths if len(paths) <= _PATHS_NAMED else (paths[0], "...")
    return f"{counted(len(paths), 'file')} changed ({', '.join(named)})"


def _ended(event: CycleFinished) -> Line:
    took = duration(event.duration_ms)
    match event.outcome:
        case Outcome.UPDATED:
            updated = _updated(event.results)
            who = f" {_who([result.name for result in updated])}" if updated else ""
            return _outcome(f"updated{who} in {took}", _in_parentheses(_what(updated)), Tone.DIM)
        case Outcome.UNCHANGED:
            reasons = dict.fromkeys(result.reason for result in event.results if result.reason)
            return _outcome(f"unchanged in {took}", _in_parentheses("; ".join(reasons)), Tone.DIM)
        case Outcome.FAILED:
            return _outcome("failed", _failed(event.results, took), Tone.RED)


def _outcome(head: str, tail: str, tone: Tone) -> Line:
    return Line(head=_PREFIX + escaped(head), tail=escaped(tail), tone=tone)


def _failed(results: Sequence[Result], took: str) -> str:
    messages = {result.name: message_of(result.error) for result in results if result.error}
    who = f" {_who(list(messages))}" if messages else ""
    different = len(set(messages.values())) > 1
    told = [f"{name}: {message}" for name, message in messages.items()] if different else list(messages.values())[:1]
    # A message that quotes a compiler must not make a problem line of the end line.
    quoted = _PLACE.sub(r"\1", "; ".join(told))
    why = f": {quoted}" if told else ""
    updated = ", ".join(result.name for result in _updated(results))
    return f"{who} after {took}{why}{_in_parentheses(updated and f'updated {updated}')}"


def _updated(results: Iterable[Result]) -> list[Result]:
    return [result for result in results if result.action is not Action.NONE and result.error is None]


def _what(results: Sequence[Result]) -> str:
    told = []
    for action in Action:
        deltas = [result.delta for result in results if result.action is action]
        if deltas:
            counts = _counts(deltas)
            told.append(f"{action.value}: {counts}" if counts else action.value)
    return "; ".join(told)


def _counts(deltas: Sequence[Delta]) -> str:
    sums = {
        "changed": sum(len(delta.changed) for delta in deltas),
        "added": sum(len(delta.added) for delta in deltas),
        "removed": sum(len(delta.removed) for delta in deltas),
    }
    return ", ".join(f"{count} {what}" for what, count in sums.items() if count)


def _ready(event: Ready) -> Line:
    names = [f"{one.name} editable" if one.editable else one.name for one in event.distributions]
    watched = counted(len(names), "distribution") + _in_parentheses(", ".join(names))
    places = counted(event.directories, "directory", "directories")
    return Line(head=escaped(f"{_PREFIX}ready, watching {watched} in {places}"))


def _who(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{counted(len(names), 'distribution')} ({', '.join(names)})"


def _in_parentheses(text: str) -> str:
    return f" ({text})" if text else ""
