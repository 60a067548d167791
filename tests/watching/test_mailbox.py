"""One heap of hints for one reader, however busy."""

import anyio
import anyio.lowlevel
import pytest

from uvwatch.watching.mailbox import Doubt, Hint, Mailbox

pytestmark = pytest.mark.anyio


async def test_what_came_while_the_reader_was_busy_is_one_hint() -> None:
    mailbox = Mailbox()
    mailbox.hint({"/a", "/b"})
    mailbox.hint({"/b", "/c"})
    assert await anext(aiter(mailbox)) == Hint(paths=frozenset({"/a", "/b", "/c"}))


async def test_a_doubt_stands_for_the_hints_that_came_with_it_and_the_first_reason_is_told() -> None:
    mailbox = Mailbox()
    mailbox.hint({"/a"})
    mailbox.doubt("one")
    mailbox.doubt("two")
    assert await anext(aiter(mailbox)) == Doubt(reason="one")
    mailbox.hint({"/b"})
    assert await anext(aiter(mailbox)) == Hint(paths=frozenset({"/b"}))


async def test_more_paths_than_the_bound_are_a_doubt() -> None:
    mailbox = Mailbox(bound=3)
    mailbox.hint({"/a", "/b"})
    mailbox.hint({"/c", "/d"})
    assert await anext(aiter(mailbox)) == Doubt(reason="more than 3 paths changed at once")


async def test_no_paths_are_no_hint() -> None:
    mailbox = Mailbox()
    mailbox.hint(())
    with anyio.move_on_after(0) as waiting:
        await anext(aiter(mailbox))
    assert waiting.cancelled_caught


async def test_a_reader_that_waits_is_woken_and_one_that_was_cancelled_has_lost_nothing() -> None:
    mailbox = Mailbox()
    got: list[Hint | Doubt] = []

    async def read() -> None:
        got.append(await anext(aiter(mailbox)))

    with anyio.move_on_after(0):
        await read()
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read)
            await anyio.lowlevel.checkpoint()
            mailbox.hint({"/a"})
    assert got == [Hint(paths=frozenset({"/a"}))]
