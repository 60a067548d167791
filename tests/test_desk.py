from collections.abc import Iterator

import anyio
import pytest
from anyio.streams.memory import MemoryObjectReceiveStream

from uvwatch.core.model import CycleFinished, CycleStarted, Event, HoldEnded, HoldStarted, Outcome, Trigger
from uvwatch.desk import Answer, Desk, Hold
from uvwatch.errors import Fatal
from uvwatch.serving.protocol import Wishes

STARTED = CycleStarted(cycle=1, trigger=Trigger.SYNC)
FINISHED = CycleFinished(cycle=1, outcome=Outcome.UNCHANGED, duration_ms=1.0)
MAKE = Hold(pid=1, command=("make",))


class Room:
    """A desk, how often it nudged, and what it published."""

    def __init__(self) -> None:
        self.nudges = 0
        self.events: list[Event] = []
        self.callers: list[MemoryObjectReceiveStream[Answer]] = []
        self.desk = Desk(self._nudge, self.events.append)

    def _nudge(self) -> None:
        self.nudges += 1

    def ask(self, wishes: Wishes) -> MemoryObjectReceiveStream[Answer]:
        answers = self.desk.ask(wishes)
        self.callers.append(answers)
        return answers


@pytest.fixture
def room() -> Iterator[Room]:
    room = Room()
    yield room
    room.desk.close()
    for caller in room.callers:
        caller.close()


def test_callers_with_the_same_wishes_share_a_look_and_others_wait_for_the_next(room: Room) -> None:
    desk = room.desk
    same = [room.ask(Wishes(options={"settle": "1"})) for _ in range(2)]
    other = room.ask(Wishes(reinstall=True))
    assert (desk.asked, room.nudges) == (True, 3)

    with desk.work() as barrier:
        assert barrier is not None
        assert barrier.wishes == Wishes(options={"settle": "1"})
        late = room.ask(Wishes(options={"settle": "1"}))
        barrier.tell(STARTED)
        barrier.tell(FINISHED)

    for caller in same:
        assert [caller.receive_nowait(), caller.receive_nowait()] == [STARTED, FINISHED]
        with pytest.raises(anyio.EndOfStream):
            caller.receive_nowait()
    for waiting in (other, late):
        with pytest.raises(anyio.WouldBlock):
            waiting.receive_nowait()
    assert room.nudges == 5
    with desk.work() as barrier:
        assert barrier is not None
        assert barrier.wishes.reinstall
    desk.close()
    with pytest.raises(anyio.EndOfStream):
        late.receive_nowait()


def test_a_caller_that_is_gone_harms_nobody(room: Room) -> None:
    gone, there = room.ask(Wishes()), room.ask(Wishes())
    gone.close()

    with room.desk.work() as barrier:
        assert barrier is not None
        barrier.tell(Fatal("no"))

    assert isinstance(there.receive_nowait(), Fatal)


def test_a_look_that_nobody_asked_for_is_for_nobody(room: Room) -> None:
    with room.desk.work() as barrier:
        assert barrier is None
    assert room.nudges == 0


async def holding(desk: Desk, hold: Hold, end: anyio.Event, began: list[Hold]) -> None:
    async with desk.hold(hold):
        began.append(hold)
        await end.wait()


@pytest.mark.anyio
async def test_a_hold_begins_when_the_update_is_over_and_is_seen_before(room: Room) -> None:
    desk, began, end = room.desk, list[Hold](), anyio.Event()
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            with desk.work():
                tasks.start_soon(holding, desk, MAKE, end, began)
                await anyio.wait_all_tasks_blocked()
                assert (desk.holds, began, room.events) == ((MAKE,), [], [])
            await anyio.wait_all_tasks_blocked()
            assert began == [MAKE]
            assert room.events == [HoldStarted(command=("make",))]
            assert room.nudges == 1
            end.set()
    assert desk.holds == ()
    assert room.events[1:] == [HoldEnded(command=("make",))]


@pytest.mark.anyio
async def test_nothing_is_released_before_the_last_of_equal_holds_ends(room: Room) -> None:
    desk, began, ends = room.desk, list[Hold](), (anyio.Event(), anyio.Event())
    desk.rest()
    released = False

    async def wait() -> None:
        nonlocal released
        await desk.released()
        released = True

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            for end in ends:
                tasks.start_soon(holding, desk, Hold(pid=1, command=()), end, began)
            await anyio.wait_all_tasks_blocked()
            tasks.start_soon(wait)
            ends[1].set()
            await anyio.wait_all_tasks_blocked()
            assert (len(desk.holds), released) == (1, False)
            ends[0].set()
    assert released


@pytest.mark.anyio
async def test_a_hold_that_is_given_up_before_it_began_was_none(room: Room) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(holding, room.desk, MAKE, anyio.Event(), [])
        await anyio.wait_all_tasks_blocked()
        assert room.desk.holds
        tasks.cancel_scope.cancel()

    assert (room.desk.holds, room.events) == ((), [])
    with anyio.fail_after(5):
        await room.desk.released()
