import os
import socket
import tempfile
import threading
import time
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from uvwatch.client.asking import status_lines, stop
from uvwatch.core.model import (
    Action,
    CycleFinished,
    Distribution,
    Failure,
    Outcome,
    Result,
)
from uvwatch.core.phase import Phase
from uvwatch.errors import FailureKind
from uvwatch.installing.locks import Locks
from uvwatch.project.rendezvous import rendezvous_in
from uvwatch.serving.hub import Told, told
from uvwatch.serving.status import Status, status_object

NOON = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)
FAILED = CycleFinished(
    cycle=3,
    outcome=Outcome.FAILED,
    duration_ms=1200,
    results=(
        Result(name="fine", action=Action.PATCH, reason="r"),
        Result(
            name="tools",
            action=Action.NONE,
            reason="",
            error=Failure(kind=FailureKind.BUILD, message="SyntaxError: \x1b", path="tools/a.py", line=3),
        ),
    ),
)


def answer(*, last: Told | None, failed: Told | None, phase: Phase = Phase.IDLE, **others: Any) -> dict[str, Any]:
    status = Status(
        version="1.2",
        pid=7,
        environment="/x/.venv",
        phase=phase,
        since=NOON - timedelta(seconds=61),
        fresh=failed is None,
        cycle=3,
        last=last.object if last else None,
        failed=failed.object if failed else None,
        distributions=(Distribution(name="myapp", version="1", root="/x", editable=True, dist_info=""),),
        backend="inotify",
        **{"holds": (), "directories": 6, **others},
    )
    told_status = status_object(status)
    return {**told_status, "last": last.with_text() if last else None}


def test_the_status_of_a_failure_says_what_and_when_and_who_holds() -> None:
    said = told(FAILED, NOON - timedelta(hours=2))

    lines = list(
        status_lines(answer(last=said, failed=said, phase=Phase.HELD, holds=((9, ("make", "x y", "")),)), NOON)
    )

    assert lines == [
        "running: version 1.2, pid 7, for /x/.venv",
        "phase: held, for 1 minute",
        "fresh: no",
        "held by: make 'x y' '' (pid 9)",
        "last cycle: 3, 2 hours ago: failed tools after 1.2 s: SyntaxError: \\x1b (updated fine)",
        "last error: 2 hours ago: tools: tools/a.py:3: SyntaxError: \\x1b",
        "watching: myapp editable in 6 directories by inotify",
    ]


def test_a_daemon_that_has_just_begun_has_no_last_cycle() -> None:
    lines = list(status_lines(answer(last=None, failed=None, holds=((None, ()),), directories=1), NOON))

    assert lines[2:4] == ["fresh: yes", "held by: a client"]
    assert lines[4] == "watching: myapp editable in 1 directory by inotify"


@pytest.mark.parametrize(
    ("ago", "expected"),
    [
        (timedelta(seconds=-5), "0 seconds"),
        (timedelta(seconds=1), "1 second"),
        (timedelta(seconds=59), "59 seconds"),
        (timedelta(minutes=60), "1 hour"),
        (timedelta(days=3, hours=5), "3 days"),
    ],
)
def test_ages_are_told_in_one_unit(ago: timedelta, expected: str) -> None:
    said = told(CycleFinished(cycle=1, outcome=Outcome.UNCHANGED, duration_ms=3), NOON - ago)

    lines = list(status_lines(answer(last=said, failed=None), NOON))

    assert lines[3] == f"last cycle: 1, {expected} ago: unchanged in 3 ms"


@pytest.mark.parametrize("answers", [False, True], ids=["no answer", "no end"])
def test_a_stop_that_waits_for_a_suspended_daemon_says_its_pid_once(
    answers: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    with tempfile.TemporaryDirectory(prefix="uvw") as directory, ExitStack() as daemon:
        place = rendezvous_in(Path(directory), Path(directory, "venv"))
        # As a daemon that was stopped by Ctrl+Z: its lock is held and the system takes connections for it.
        listener = daemon.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(str(place.socket))
        listener.listen()
        daemon.enter_context(Locks(place).instance())
        stopping = threading.Thread(target=stop, args=(place,), kwargs={"patience": 0.05}, daemon=True)
        stopping.start()
        connection, _address = listener.accept()
        if answers:
            connection.sendall(b'{"schema":1,"stopping":true}\n')
            connection.close()
        said, until = "", time.monotonic() + 30
        while not said and stopping.is_alive() and time.monotonic() < until:
            stopping.join(0.02)
            said = capsys.readouterr().err
        connection.close()
        daemon.close()
        stopping.join(30)
        assert not stopping.is_alive()
        pid = os.getpid()
        assert said == (
            f"uvwatch: still waiting for the running uvwatch (pid {pid}): an update takes long, or the process is"
            f" suspended; `kill -CONT {pid}` wakes it\n"
        )
        assert capsys.readouterr().err == ""
