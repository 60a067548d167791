from datetime import datetime, timezone

import anyio
import pytest

from uvwatch.core.model import (
    Action,
    CycleFinished,
    CycleStarted,
    Failure,
    Outcome,
    Result,
    Stopped,
    Trigger,
    Warned,
    WarningCode,
)
from uvwatch.errors import FailureKind
from uvwatch.serving.hub import BACKLOG, Hub, Listener, told

NOON = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)


def started(cycle: int) -> CycleStarted:
    return CycleStarted(cycle=cycle, trigger=Trigger.CHANGE)


def finished(cycle: int, outcome: Outcome = Outcome.UNCHANGED) -> CycleFinished:
    return CycleFinished(cycle=cycle, outcome=outcome, duration_ms=1.0)


@pytest.fixture
def hub() -> Hub:
    return Hub(lambda: NOON)


def heard(listener: Listener) -> list[str]:
    """What a listener has not read yet, in short."""
    names = []
    for _ in range(listener.statistics().current_buffer_used):
        said = listener.receive_nowait().object
        names.append(f"{said['event'].rpartition('.')[2]} {said.get('cycle', '')}".strip())
    return names


def test_a_listener_hears_of_the_last_cycle_the_one_that_runs_and_all_that_follows(hub: Hub) -> None:
    for cycle in (1, 2):
        hub.publish(started(cycle))
        hub.publish(finished(cycle))
    hub.publish(started(3))

    with hub.listening() as listener:
        hub.publish(finished(3))
        hub.publish(started(4))
        assert heard(listener) == ["started 2", "finished 2", "started 3", "finished 3", "started 4"]
    with hub.listening() as listener:
        assert heard(listener) == ["started 3", "finished 3", "started 4"]


def test_before_the_first_cycle_there_is_nothing_to_hear(hub: Hub) -> None:
    assert hub.last is None
    with hub.listening() as listener:
        assert heard(listener) == []
        hub.publish(started(1))
        assert heard(listener) == ["started 1"]


def test_a_failure_is_the_last_word_until_a_cycle_succeeds(hub: Hub) -> None:
    hub.publish(finished(1, Outcome.FAILED))
    hub.publish(started(2))
    assert hub.failed is not None
    assert hub.failed is hub.last

    hub.publish(finished(2))

    assert hub.failed is None


@pytest.mark.anyio
async def test_a_listener_that_is_too_far_behind_loses_the_connection_and_no_event_before(hub: Hub) -> None:
    with hub.listening() as slow, hub.listening() as quick:
        for number in range(BACKLOG + 1):
            hub.publish(started(number))
            assert heard(quick) == [f"started {number}"]
        numbers = [said.object["cycle"] async for said in slow]
    assert numbers == list(range(BACKLOG))


@pytest.mark.anyio
async def test_the_end_waits_for_those_who_have_not_heard_all(hub: Hub) -> None:
    events = []

    async def listen() -> None:
        with hub.listening() as listener:
            async for said in listener:
                await anyio.lowlevel.checkpoint()
                events.append(said.object["event"])

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(listen)
        await anyio.wait_all_tasks_blocked()
        hub.publish(started(1))
        hub.publish(Stopped())
        with anyio.fail_after(5):
            await hub.end(60)
            assert events == ["cycle.started", "stopped"]
            await hub.end(60)
    with hub.listening() as late:
        assert heard(late) == ["started 1"]
        with pytest.raises(anyio.EndOfStream):
            late.receive_nowait()


def test_the_text_of_an_event_has_its_lines_and_what_goes_to_stderr() -> None:
    failure = Failure(kind=FailureKind.BUILD, message="no", output="one\ntwo")
    event = CycleFinished(
        cycle=1,
        outcome=Outcome.FAILED,
        duration_ms=5,
        results=(Result(name="pkg", action=Action.NONE, reason="", error=failure),),
    )
    assert told(event, NOON).with_text()["text"] == {
        "lines": [["uvwatch: failed", " pkg after 5 ms: no", "31"]],
        "errors": ["one", "two"],
    }
    warned = Warned(code=WarningCode.LOOP, message="m", remedy="r", distribution="pkg")
    assert told(warned, NOON).with_text()["text"] == {"lines": [], "errors": ["warning loop of pkg: m; r"]}
    assert "text" not in told(event, NOON).object
