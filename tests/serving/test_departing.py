"""Who waits for the end of a reader hears of it, and of nothing else."""

import io
import os
import pty
import socket
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from uvwatch.serving.departing import departed
from uvwatch.serving.stream import Sink


def a_pipe() -> tuple[int, int]:
    return os.pipe()


def a_socket() -> tuple[int, int]:
    reader, writer = socket.socketpair()
    return reader.detach(), writer.detach()


@pytest.mark.anyio
@pytest.mark.parametrize("make", [a_pipe, a_socket, pty.openpty])
async def test_a_reader_that_goes_is_noticed_and_one_that_stays_is_not(make: Callable[[], tuple[int, int]]) -> None:
    reader, writer = make()
    noticed = anyio.Event()

    async def wait(sink: Sink) -> None:
        await departed(sink)
        noticed.set()

    with os.fdopen(writer, "wb", buffering=0) as sink:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait, sink)
            await anyio.wait_all_tasks_blocked()
            sink.write(b"a line\n")
            await anyio.wait_all_tasks_blocked()
            assert not noticed.is_set()
            os.close(reader)
            with anyio.fail_after(10):
                await noticed.wait()


@pytest.mark.anyio
async def test_a_file_and_memory_have_no_reader_that_could_go(tmp_path: Path) -> None:
    returned: list[object] = []

    async def wait(sink: Sink) -> None:
        await departed(sink)
        returned.append(sink)

    with (tmp_path / "out").open("wb", buffering=0) as file:
        async with anyio.create_task_group() as tasks:
            for sink in (file, io.BytesIO()):
                tasks.start_soon(wait, sink)
            await anyio.wait_all_tasks_blocked()
            assert returned == []
            tasks.cancel_scope.cancel()
