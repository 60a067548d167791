import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uvwatch.core.model import (
    Action,
    CycleFinished,
    CycleStarted,
    Delta,
    Distribution,
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
    WarningCode,
)
from uvwatch.errors import FailureKind
from uvwatch.serving.jsonlines import event_object, failure_object, rfc3339, to_line

NOON = datetime(2026, 1, 31, 12, 0, 0, 123_456, tzinfo=timezone.utc)
TIME = "2026-01-31T12:00:00.123Z"

MYAPP = Distribution(
    name="myapp", version="1.0", root="/p", editable=False, dist_info="myapp-1.0.dist-info", by_uv=True
)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (
            CycleStarted(cycle=2, trigger=Trigger.CHANGE, names=("myapp",), paths=("myapp/a.css",)),
            {
                "event": "cycle.started",
                "cycle": 2,
                "trigger": "change",
                "changes": {"count": 1, "paths": ["myapp/a.css"]},
            },
        ),
        (
            CycleFinished(
                cycle=2,
                outcome=Outcome.UPDATED,
                duration_ms=84.1234,
                results=(
                    Result(
                        name="myapp",
                        action=Action.PATCH,
                        reason="3 artifacts",
                        delta=Delta(added=("a",), changed=("b",), removed=()),
                    ),
                ),
            ),
            {
                "event": "cycle.finished",
                "cycle": 2,
                "outcome": "updated",
                "duration_ms": 84.1,
                "distributions": [
                    {
                        "name": "myapp",
                        "action": "patch",
                        "reason": "3 artifacts",
                        "added": ["a"],
                        "changed": ["b"],
                        "removed": [],
                        "error": None,
                    }
                ],
            },
        ),
        (
            Ready(
                version="0.1.0",
                project="/p",
                environment="/p/.venv",
                pid=7,
                distributions=(MYAPP,),
                directories=34,
                backend="inotify",
            ),
            {
                "event": "ready",
                "version": "0.1.0",
                "project": "/p",
                "environment": "/p/.venv",
                "pid": 7,
                "distributions": [{"name": "myapp", "root": "/p", "editable": False}],
                "watching": {"directories": 34, "backend": "inotify"},
            },
        ),
        (HoldStarted(command=("npm", "run", "build")), {"event": "hold.started", "command": ["npm", "run", "build"]}),
        (HoldEnded(command=("npm", "run", "build")), {"event": "hold.ended", "command": ["npm", "run", "build"]}),
        (
            Warned(code=WarningCode.EDITABLE_FLIP, distribution="myapp", message="m", remedy="r"),
            {"event": "warning", "code": "editable-flip", "distribution": "myapp", "message": "m", "remedy": "r"},
        ),
        (Stopped(), {"event": "stopped"}),
    ],
)
def test_events_have_exactly_the_keys_of_the_contract(event: Event, expected: dict[str, Any]) -> None:
    assert event_object(event, NOON) == {"schema": 1, "time": TIME, **expected}


def test_keys_come_in_the_order_of_the_contract() -> None:
    line = to_line(event_object(CycleStarted(cycle=1, trigger=Trigger.START), NOON))

    assert line == (
        f'{{"schema":1,"event":"cycle.started","time":"{TIME}","cycle":1,"trigger":"start",'
        '"changes":{"count":0,"paths":[]}}'
    )


def test_at_most_a_hundred_paths_are_named_and_all_are_counted() -> None:
    paths = tuple(f"{number:03}" for number in range(250))

    changes = event_object(CycleStarted(cycle=1, trigger=Trigger.CHANGE, paths=paths), NOON)["changes"]

    assert changes == {"count": 250, "paths": list(paths[:100])}


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (
            Failure(kind=FailureKind.UV, message="no lock"),
            {"kind": "uv", "message": "no lock", "path": None, "line": None, "column": None, "output": ""},
        ),
        (
            Failure(kind=FailureKind.BUILD, message="m", path="a.py", line=3, column=1, output="x\n" * 50),
            {
                "kind": "build",
                "message": "m",
                "path": "a.py",
                "line": 3,
                "column": 1,
                "output": "\n".join("x" * 40),
            },
        ),
    ],
)
def test_an_error_says_where_and_keeps_the_last_lines(failure: Failure, expected: dict[str, Any]) -> None:
    finished = CycleFinished(
        cycle=3,
        outcome=Outcome.FAILED,
        duration_ms=1.0,
        results=(Result(name="tools", action=Action.REBUILD, reason="r", error=failure),),
    )

    assert failure_object(failure) == expected
    assert event_object(finished, NOON)["distributions"][0]["error"] == expected


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (NOON, TIME),
        (datetime(2026, 1, 31, 1, 30, tzinfo=timezone(timedelta(hours=2))), "2026-01-30T23:30:00.000Z"),
    ],
)
def test_times_are_utc(moment: datetime, expected: str) -> None:
    assert rfc3339(moment) == expected


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        rfc3339(NOON.replace(tzinfo=None))


@pytest.mark.parametrize(
    ("text", "line", "read"),
    [
        ("ü", '{"k":"ü"}', "ü"),
        ("a\nb", '{"k":"a\\nb"}', "a\nb"),
        ("\x7f\x85\u2028", '{"k":"\\u007f\\u0085\\u2028"}', "\x7f\x85\u2028"),
        ("caf\udce9", '{"k":"caf\\\\xe9"}', "caf\\xe9"),
    ],
)
def test_undecodable_bytes_are_spelled_out_and_control_characters_come_back(text: str, line: str, read: str) -> None:
    assert to_line({"k": text}) == line
    assert json.loads(line) == {"k": read}


@given(st.dictionaries(st.text(), st.text() | st.lists(st.text())))
def test_any_text_survives_the_line(value: dict[str, Any]) -> None:
    line = to_line(value)

    assert len(line.splitlines()) == 1
    assert json.loads(line.encode("utf-8")) == value


@given(st.text(st.characters(exclude_categories=())))
def test_any_name_of_a_file_gives_a_line_of_valid_utf_8(name: str) -> None:
    line = to_line(event_object(CycleStarted(cycle=1, trigger=Trigger.CHANGE, paths=(name,)), NOON))

    assert len(line.splitlines()) == 1
    assert json.loads(line.encode("utf-8"))["changes"]["count"] == 1


def test_a_value_that_is_no_json_needs_a_default() -> None:
    assert to_line({"k": {1}}, default=repr) == '{"k":"{1}"}'
    with pytest.raises(TypeError):
        to_line({"k": {1}})
