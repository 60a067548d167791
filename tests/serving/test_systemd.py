import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import anyio
import pytest

from uvwatch.core.model import CycleFinished, CycleStarted, Outcome, Ready, Stopped, Trigger, Warned, WarningCode
from uvwatch.serving.systemd import Notifier, without

READY = Ready(version="", project="", environment="", pid=1, distributions=(), directories=1, backend="")


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    """A service manager's socket."""
    with (
        closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as receiver,
        tempfile.TemporaryDirectory(prefix="uvw") as directory,
    ):
        name = str(Path(directory, "notify"))
        receiver.bind(name if request.param == "path" else f"\0{name}")
        receiver.settimeout(5)
        yield receiver


def address(manager: socket.socket) -> str:
    """The socket as NOTIFY_SOCKET names it."""
    name = manager.getsockname()
    return f"@{os.fsdecode(name[1:])}" if isinstance(name, bytes) else str(name)


@pytest.mark.anyio
async def test_a_manager_hears_that_it_is_ready_what_it_does_and_that_it_stops(manager: socket.socket) -> None:
    notifier = Notifier(address(manager))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(notifier.run)
        await anyio.wait_all_tasks_blocked()
        notifier.publish(CycleStarted(cycle=1, trigger=Trigger.START))
        notifier.publish(CycleFinished(cycle=1, outcome=Outcome.UNCHANGED, duration_ms=3))
        notifier.publish(READY)
        notifier.publish(Warned(code=WarningCode.LOOP, message="", remedy=""))
        tasks.cancel_scope.cancel()
    notifier.publish(Stopped())
    said = [manager.recv(4096).decode() for _ in range(5)]
    assert said[0] == "STATUS=updating: checking at start"
    assert said[1].startswith("STATUS=unchanged in 3 ms")
    assert said[2].startswith("READY=1\nSTATUS=ready, watching ")
    assert said[3:] == ["STOPPING=1\nSTATUS=stopping", "STATUS=stopped"]


def test_a_manager_that_does_not_listen_delays_nothing(manager: socket.socket) -> None:
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as sender, suppress(BlockingIOError):
        sender.setblocking(False)
        while True:
            sender.sendto(b"x", manager.getsockname())
    Notifier(address(manager)).publish(READY)


@pytest.mark.parametrize("nowhere", [None, "", "/no/such/socket", "vsock:2:1", "@" + "x" * 200])
def test_nobody_to_tell_is_no_error(nowhere: str | None) -> None:
    Notifier(nowhere).publish(READY)


def test_what_is_started_cannot_speak_in_its_name() -> None:
    assert without({"A": "1", "NOTIFY_SOCKET": "/s"}) == {"A": "1"}
