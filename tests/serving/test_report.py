import json
import os
from collections.abc import Iterator
from datetime import datetime, timezone
from io import BytesIO, TextIOWrapper
from typing import TextIO

import pytest

from uvwatch.core.model import (
    Action,
    CycleFinished,
    Delta,
    Event,
    Failure,
    HoldStarted,
    Outcome,
    Result,
    Stopped,
    Warned,
    WarningCode,
)
from uvwatch.core.phase import Phase
from uvwatch.errors import FailureKind
from uvwatch.serving.report import JsonReporter, Reporter, TextReporter, json_reporter, text_reporter, utc_now
from uvwatch.serving.stream import OutLines, StdoutClosed, sink_of
from uvwatch.serving.terminal import Terminal

NOON = datetime(2026, 1, 31, 12, 0, 0, tzinfo=timezone.utc)
OUTPUT = "\n".join(["first", *(f"line {number}" for number in range(39)), "\tend \x1b[0m", ""])
FAILED = CycleFinished(
    cycle=2,
    outcome=Outcome.FAILED,
    duration_ms=1200,
    results=(
        Result(
            name="tools",
            action=Action.REBUILD,
            reason="r",
            error=Failure(
                kind=FailureKind.BUILD, message="SyntaxError: bad", path="a.py", line=3, column=1, output=OUTPUT
            ),
        ),
    ),
)
UPDATED = CycleFinished(
    cycle=1,
    outcome=Outcome.UPDATED,
    duration_ms=84,
    results=(Result(name="myapp", action=Action.PATCH, reason="r", delta=Delta(changed=("a",))),),
)
WARNED = Warned(code=WarningCode.POLLING, message="no events here", remedy="none", distribution="myapp")


class Told:
    """Where lines and warnings arrive, in their order."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self.warnings: list[tuple[str, dict[str, object]]] = []

    def out(self, line: str) -> None:
        self.lines.append(("out", line))

    def err(self, line: str) -> None:
        self.lines.append(("err", line))

    def warning(self, event: str, /, **values: object) -> None:
        self.warnings.append((event, values))


@pytest.fixture
def told() -> Told:
    return Told()


def in_text(told: Told, *, color: bool = False) -> TextReporter:
    return TextReporter(out=told.out, err=told.err, log=told, color=color)


def test_the_output_of_a_failed_build_comes_before_its_lines(told: Told) -> None:
    in_text(told).publish(FAILED)

    assert told.lines == [
        *(("err", f"line {number}") for number in range(39)),
        ("err", "\tend \\x1b[0m"),
        ("out", "a.py:3:1: error: SyntaxError: bad"),
        ("out", "uvwatch: failed tools after 1.2 s: SyntaxError: bad"),
    ]


@pytest.mark.parametrize(
    ("event", "values"),
    [
        (
            WARNED,
            {"code": "polling", "distribution": "myapp", "message": "no events here", "remedy": "none"},
        ),
        (
            Warned(code=WarningCode.LOOP, message="m", remedy="r"),
            {"code": "loop", "message": "m", "remedy": "r"},
        ),
    ],
)
def test_in_text_a_warning_is_logged_and_prints_no_line(told: Told, event: Event, values: dict[str, object]) -> None:
    in_text(told).publish(event)

    assert told.lines == []
    assert told.warnings == [("warning", values)]


@pytest.mark.parametrize(
    ("event", "lines"),
    [
        (UPDATED, ["uvwatch: updated myapp in 84 ms\x1b[2m (patch: 1 changed)\x1b[0m"]),
        (
            FAILED,
            [
                "a.py:3:1: error: SyntaxError: bad",
                "uvwatch: failed\x1b[31m tools after 1.2 s: SyntaxError: bad\x1b[0m",
            ],
        ),
        (Stopped(), ["uvwatch: stopped"]),
    ],
)
def test_colour_comes_after_the_frozen_words(told: Told, event: Event, lines: list[str]) -> None:
    in_text(told, color=True).publish(event)

    assert [line for where, line in told.lines if where == "out"] == lines


@pytest.mark.parametrize("event", [UPDATED, FAILED, WARNED, HoldStarted(command=("npm",)), Stopped()])
def test_in_json_every_event_is_one_line_on_stdout(told: Told, event: Event) -> None:
    JsonReporter(out=told.out, clock=lambda: NOON).publish(event)

    ((where, line),) = told.lines
    assert where == "out"
    assert json.loads(line)["time"] == "2026-01-31T12:00:00.000Z"


def test_the_time_of_events_has_a_zone() -> None:
    assert utc_now().tzinfo is timezone.utc


class Stdout:
    """A text stream in memory, in the encoding of a C locale."""

    def __init__(self) -> None:
        self._memory = BytesIO()
        self.stream: TextIO = TextIOWrapper(self._memory, encoding="ascii")

    def text(self) -> str:
        return self._memory.getvalue().decode("utf-8")


@pytest.mark.parametrize(
    ("color", "expected"),
    [("auto", "uvwatch: updated grün in 84 ms\n"), ("always", "uvwatch: updated grün in 84 ms\n")],
)
def test_a_text_reporter_writes_utf_8_whatever_the_locale(told: Told, color: str, expected: str) -> None:
    stdout = Stdout()
    event = CycleFinished(
        cycle=1,
        outcome=Outcome.UPDATED,
        duration_ms=84,
        results=(Result(name="grün", action=Action.REINSTALL, reason="r"),),
    )

    out = OutLines(sink_of(stdout.stream))
    text_reporter(stdout=stdout.stream, out=out, err=told.err, log=told, color=color, env={}).publish(event)

    assert stdout.text().replace("\x1b[2m (reinstall)\x1b[0m", "").replace(" (reinstall)", "") == expected
    assert ("\x1b" in stdout.text()) is (color == "always")


def test_a_json_reporter_writes_to_stdout() -> None:
    stdout = Stdout()

    json_reporter(OutLines(sink_of(stdout.stream))).publish(Stopped())

    assert json.loads(stdout.text())["event"] == "stopped"


def test_with_a_terminal_lines_go_above_its_live_line(told: Told) -> None:
    memory = BytesIO()
    terminal = Terminal(OutLines(memory), width=lambda: 80, clock=lambda: 0.0, color=False)
    terminal.show(Phase.IDLE)

    out = OutLines(None)
    reporter = text_reporter(stdout=None, out=out, err=told.err, log=told, color="never", env={}, terminal=terminal)
    reporter.publish(Stopped())

    assert memory.getvalue() == b"idle\r\x1b[Kuvwatch: stopped\nidle"


@pytest.fixture
def closed_pipe() -> Iterator[TextIO]:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stream:
        yield stream


@pytest.mark.parametrize("as_json", [True, False])
def test_a_closed_stdout_is_one_error_in_text_and_in_json(told: Told, closed_pipe: TextIO, *, as_json: bool) -> None:
    out = OutLines(sink_of(closed_pipe))
    reporter: Reporter = (
        json_reporter(out)
        if as_json
        else text_reporter(stdout=closed_pipe, out=out, err=told.err, log=told, color="auto", env={})
    )

    with pytest.raises(StdoutClosed):
        reporter.publish(Stopped())


def test_a_stdout_that_never_was_is_closed(told: Told) -> None:
    with pytest.raises(StdoutClosed):
        text_reporter(stdout=None, out=OutLines(None), err=told.err, log=told, color="auto", env={}).publish(Stopped())
