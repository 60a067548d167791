"""Lines that wait for a reader of stdout, beside the work."""

import os

import anyio
import pytest

from tests.serving.conftest import Pipe
from uvwatch.serving.backlog import WAITING_AT_MOST, Backlog
from uvwatch.serving.stream import StdoutClosed
from uvwatch.tasks import background


@pytest.mark.anyio
async def test_lines_wait_in_order_for_a_reader_beside_the_work(pipe: Pipe) -> None:
    full = pipe.fill()
    out = Backlog(pipe.writer)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(out.run)
        await anyio.wait_all_tasks_blocked()
        out.line("first")
        out.line("second")
        with anyio.fail_after(10):
            read = await anyio.to_thread.run_sync(pipe.read, full)
            while not read.endswith(b"second\n"):
                read += await anyio.to_thread.run_sync(pipe.read)
        assert read.lstrip(b"x") == b"first\nsecond\n"
        assert not out.behind
        tasks.cancel_scope.cancel()


@pytest.mark.anyio
async def test_beyond_a_bound_whole_lines_are_dropped_and_it_is_said_once_and_counted_at_the_end(pipe: Pipe) -> None:
    pipe.fill()
    told: list[str] = []
    out = Backlog(pipe.writer, tell=told.append)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(out.run)
        await anyio.wait_all_tasks_blocked()
        out.line("x" * (WAITING_AT_MOST + 1))  # as long as it may be: one line always fits
        out.line("dropped")
        out.line("dropped")
        assert told == ["nobody reads stdout: further lines are dropped until somebody does"]
        tasks.cancel_scope.cancel()
    out.finish(0.0)
    assert told[1:] == ["stdout was not read: 3 lines were dropped"]
    out.finish(0.0)
    assert len(told) == 2


async def a_closed_reader(pipe: Pipe) -> None:
    out = Backlog(pipe.writer)
    async with background() as tasks:
        tasks.start_soon(out.run)
        await anyio.wait_all_tasks_blocked()
        out.line("waits")
        os.close(pipe.reader)
        pipe.reader = -1
        await anyio.sleep_forever()


@pytest.mark.anyio
async def test_a_reader_that_goes_while_lines_wait_is_a_closed_stdout(pipe: Pipe) -> None:
    pipe.fill()
    with anyio.fail_after(10), pytest.raises(StdoutClosed):
        await a_closed_reader(pipe)


@pytest.mark.anyio
async def test_nothing_waits_for_a_reader_that_is_gone_or_never_was(pipe: Pipe) -> None:
    told: list[str] = []
    os.close(pipe.reader)
    pipe.reader = -1
    for out in (Backlog(pipe.writer, tell=told.append), Backlog(None, tell=told.append)):
        async with background() as tasks:
            tasks.start_soon(out.run)
            await anyio.wait_all_tasks_blocked()
            for _ in range(2):
                with pytest.raises(StdoutClosed):
                    out.line("text")
        out.finish(0.0)
    assert told == []
