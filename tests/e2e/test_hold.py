"""``uvwatch hold``: a generator runs, and no update with it."""

import json
import os
import signal
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest

from tests.e2e.conftest import COMMAND, Daemon, Gate, Project

GENERATE = """\
for i in 1 2 3 4 5; do
    echo "half $i" > src/tiny/generated.txt
    sleep 0.3
    echo "whole $i" > src/tiny/generated.txt
done
exit 5
"""


def events(daemon: Daemon, last: str) -> list[dict[str, Any]]:
    """The JSON lines up to and with the next of this event."""
    return [json.loads(line) for line in daemon.out.until(f'.*"event":"{last}"')]


def names(told: list[dict[str, Any]]) -> list[str]:
    return [each["event"] for each in told]


def test_no_update_starts_while_a_generator_runs_and_one_does_afterwards(tiny: Project) -> None:
    with tiny.watch("--json") as daemon:
        done = tiny.uvwatch("hold", "--", "sh", "-c", GENERATE)
        assert (done.returncode, done.stdout, done.stderr) == (5, "", "")
        told = events(daemon, "cycle.finished")
        assert names(told) == ["hold.started", "hold.ended", "cycle.started", "cycle.finished"]
        assert told[0]["command"] == ["sh", "-c", GENERATE]
        assert told[3]["distributions"][0]["added"] == ["tiny/generated.txt"]
        assert tiny.installed("tiny/generated.txt") == "whole 5\n"
        daemon.send(signal.SIGTERM)
        assert names([json.loads(line) for line in daemon.out.rest()]) == ["stopped"]


def test_a_hold_is_seen_may_hold_another_and_refuses_a_sync_inside(tiny: Project) -> None:
    inside = f"{COMMAND} status; {COMMAND} sync; echo $?; {COMMAND} hold -- {COMMAND} status --json; kill -TERM $$"
    with tiny.watch() as daemon:
        done = tiny.uvwatch("hold", "sh", "-c", inside)
        assert done.returncode == -signal.SIGTERM
        *text, refused, raw = done.stdout.splitlines()
        assert text[1].startswith("phase: held, for ")
        assert text[2] == "fresh: yes"
        assert text[3].startswith("held by: sh -c ")
        assert refused == "2"
        assert "inside of a hold" in done.stderr
        holds = json.loads(raw)["holds"]
        assert [hold["command"][0] for hold in holds] == ["sh", str(COMMAND)]
        # Who waits for a hold waits no longer than it says.
        with tiny.start(COMMAND, "hold", "--", "sh", "-c", "echo held; read line") as holder:
            assert holder.ended() == 1  # its stdin is empty
            assert holder.out.rest() == ["held"]
        assert tiny.uvwatch("sync").returncode == 0
        assert daemon.stop() == ["uvwatch: stopped"]


@pytest.mark.parametrize("running", [False, True])
def test_the_command_gets_the_signals_and_gives_the_exit_status(tiny: Project, running: bool) -> None:
    trap = "trap 'echo got it; exit 9' TERM; echo ready; while :; do sleep 0.1; done"
    with tiny.watch() if running else nullcontext():
        with tiny.start(COMMAND, "hold", "--", "sh", "-c", trap) as holder:
            assert holder.out.next() == "ready"
            holder.send(signal.SIGTERM)
            assert holder.ended() == 9
            assert holder.out.rest() == ["got it"]
        missing, refused = tiny.uvwatch("hold", "--", "no-such-command"), tiny.uvwatch("hold", "--", str(tiny.root))
        assert (missing.returncode, refused.returncode) == (127, 126)
        assert "no-such-command" in missing.stderr
        told = tiny.uvwatch("hold", "--", "sh", "-c", "echo ${UVWATCH_HOLD-none}").stdout
        assert told == f"{tiny.prefix if running else 'none'}\n"


def test_a_hold_ends_with_its_holder_though_a_child_lives_on(tiny: Project) -> None:
    with tiny.watch("--json") as daemon:
        with tiny.start(COMMAND, "hold", "--", "sh", "-c", "sleep 1000 & echo $!; wait") as holder:
            child = int(holder.out.next() or 0)
            events(daemon, "hold.started")
            tiny.write({"src/tiny/a.css": "a { color: blue }\n"})
            assert json.loads(tiny.uvwatch("status", "--json").stdout)["phase"] == "held"
            with tiny.start(COMMAND, "sync", "--timeout", "0.2") as impatient:
                assert impatient.ended() == 1
            holder.send(signal.SIGKILL)
            assert names(events(daemon, "cycle.finished")) == ["hold.ended", "cycle.started", "cycle.finished"]
            os.kill(child, 0)
        assert tiny.installed("tiny/a.css") == "a { color: blue }\n"


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_an_update_that_runs_is_finished_before_the_command_starts(
    web: Project, close_gate: Callable[[], Gate], end: int
) -> None:
    with web.watch("--json") as daemon:
        gate = close_gate()
        web.write({"web/more.py": "more = True\n"})
        building = gate.knock()
        with web.start(COMMAND, "hold", "--", "sh", "-c", "echo began; sleep 1000") as holder:
            while not json.loads(web.uvwatch("status", "--json").stdout)["holds"]:
                pass
            assert not holder.out.come(0.0)
            gate.open()
            building.close()
            assert names(events(daemon, "hold.started"))[-2:] == ["cycle.finished", "hold.started"]
            assert holder.out.next() == "began"
            assert web.installed("web/more.py") == "more = True\n"
            # A daemon that ends leaves the command alone.
            daemon.send(end)
            daemon.ended()
            assert holder.process.poll() is None
