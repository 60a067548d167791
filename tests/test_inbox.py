import anyio
import pytest
from trio.testing import MockClock

from uvwatch.inbox import MOST, Hints, Inbox, until_quiet


def test_hints_pile_up_until_they_are_taken() -> None:
    inbox = Inbox()
    inbox.put(["/a", "/b"])
    inbox.put(["/b"], environment=True)

    assert inbox.take() == Hints(paths=frozenset({"/a", "/b"}), environment=True)
    assert inbox.take() == Hints()


def test_a_hint_of_an_installed_copy_is_one_too() -> None:
    inbox = Inbox()
    inbox.put((), installed=["/site/a"])

    assert inbox.filled
    assert inbox.take() == Hints(installed=frozenset({"/site/a"}))
    assert not inbox.filled


def test_a_doubt_is_about_everything() -> None:
    inbox = Inbox()
    inbox.doubt()

    assert inbox.take().everything


def test_what_piles_up_without_an_end_is_a_doubt_and_not_kept() -> None:
    inbox = Inbox()
    for number in range(MOST):
        inbox.put([f"/{number}"])
    inbox.put((), installed=["/site/a"])
    inbox.put(["/later"])

    assert inbox.filled
    assert inbox.take() == Hints(paths=frozenset({"/later"}), everything=True)


@pytest.mark.anyio
async def test_a_hint_that_came_before_the_wait_ends_it() -> None:
    inbox = Inbox()
    inbox.put(["/a"])

    with anyio.fail_after(5):
        await inbox.wait()


@pytest.mark.anyio
async def test_waiting_for_more_wants_something_new() -> None:
    inbox = Inbox()
    inbox.put(["/a"])
    came = False

    async def wait() -> None:
        nonlocal came
        await inbox.wait_for_more()
        came = True

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait)
            await anyio.wait_all_tasks_blocked()
            assert not came
            inbox.put([])
    assert came


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", [("trio", {"clock": MockClock(autojump_threshold=0)})])
@pytest.mark.parametrize(
    ("every", "writes", "quiet", "cap", "expected"),
    [
        pytest.param(0.05, 1, 0.1, 10, 0.15, id="one change"),
        pytest.param(0.05, 100, 0.2, 10, 5.2, id="a file that is rewritten every 50 ms for 5 s"),
        pytest.param(0.05, 600, 0.2, 10, 10.0, id="for 30 s: the cap cuts it"),
        pytest.param(0.3, 3, 0.2, 10, 0.2, id="slower than the window"),
    ],
)
async def test_a_burst_is_over_when_it_is_quiet(
    every: float, writes: int, quiet: float, cap: float, expected: float, anyio_backend: object
) -> None:
    del anyio_backend
    inbox = Inbox()

    async def write() -> None:
        for _ in range(writes):
            await anyio.sleep(every)
            inbox.put(["/a"])

    async with anyio.create_task_group() as tasks:
        began = anyio.current_time()
        tasks.start_soon(write)
        await until_quiet(inbox, quiet=quiet, cap=cap, busy=lambda: False)
        took = anyio.current_time() - began
        tasks.cancel_scope.cancel()

    assert took == pytest.approx(expected, abs=0.001)


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", [("trio", {"clock": MockClock(autojump_threshold=0)})])
@pytest.mark.parametrize(("busy_for", "expected"), [(1.0, 1.1), (60.0, 10.0)])
async def test_who_is_in_the_middle_of_something_holds_it_up_to_the_cap(
    busy_for: float, expected: float, anyio_backend: object
) -> None:
    del anyio_backend
    began = anyio.current_time()

    await until_quiet(Inbox(), quiet=0.1, cap=10.0, busy=lambda: anyio.current_time() < began + busy_for)

    assert anyio.current_time() - began == pytest.approx(expected, abs=0.06)


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", [("trio", {"clock": MockClock(autojump_threshold=0)})])
async def test_hurry_ends_the_quiet_window_and_waits_for_who_is_busy_all_the_same() -> None:
    inbox, asked, busy = Inbox(), False, True

    async def ask() -> None:
        nonlocal asked, busy
        await anyio.sleep(3)
        asked = True
        inbox.nudge()
        await anyio.sleep(2)
        busy = False

    began = anyio.current_time()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ask)
        await until_quiet(inbox, quiet=60, cap=100, busy=lambda: busy, hurry=lambda: asked)
        assert anyio.current_time() - began == pytest.approx(5, abs=0.1)


def test_a_nudge_puts_nothing_in() -> None:
    inbox = Inbox()
    inbox.nudge()
    assert (inbox.filled, inbox.take()) == (False, Hints())
    inbox.put(["/a"])
    assert inbox.filled
