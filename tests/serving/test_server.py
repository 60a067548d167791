"""The real server on a real socket, with clients that are slow, deaf, too many, or somebody else's."""

import json
import os
import sys
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import anyio
import pytest
from anyio.abc import SocketStream
from trio.testing import MockClock

from uvwatch.client.connection import connect
from uvwatch.errors import Fatal
from uvwatch.project.rendezvous import rendezvous_in, runtime_directory
from uvwatch.serving.jsonlines import SCHEMA, Object
from uvwatch.serving.protocol import Op, Question
from uvwatch.serving.server import PATIENCE, serve
from uvwatch.tasks import background

STATUS = b'{"schema":1,"op":"status"}\n'
ANSWER = {"schema": 1, "text": False}
AT_ONCE = pytest.mark.parametrize("anyio_backend", [("trio", {"clock": MockClock(autojump_threshold=0)})], ids=["trio"])
"""Time passes only where everybody waits, and then at once."""
NOBODY = 65534
FULL = "3 clients are connected already"


class Clerk:
    """Answers ``status`` shortly and ``events`` for ever, to one listener."""

    def __init__(self) -> None:
        self.listened = anyio.Event()
        self.let_go = anyio.Event()

    def status(self, *, text: bool) -> Object:
        return {"schema": SCHEMA, "text": text}

    def stop(self) -> None:
        raise NotImplementedError

    def sync(self, question: Question) -> AsyncGenerator[Object, None]:
        raise NotImplementedError

    async def events(self, question: Question) -> AsyncGenerator[Object, None]:
        self.listened.set()
        try:
            while True:
                yield {"schema": SCHEMA, "last": question.last, "padding": "x" * 10_000}
        finally:
            self.let_go.set()

    def hold(self, question: Question, pid: int | None) -> AbstractAsyncContextManager[Object]:
        raise NotImplementedError


@pytest.fixture
def address() -> Iterator[Path]:
    """Where a socket may lie in a runtime directory as the program makes it, in a place where everybody may look."""
    with tempfile.TemporaryDirectory(prefix="uvw") as parent:
        Path(parent).chmod(0o755)
        yield runtime_directory({"XDG_RUNTIME_DIR": parent}) / "socket"


@asynccontextmanager
async def serving(address: Path, *, clients: int = 256) -> AsyncIterator[Clerk]:
    """Run a server until the end of the context."""
    clerk = Clerk()
    async with background() as tasks:

        async def run(*, task_status: anyio.abc.TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
            await serve(address, clerk, clients=clients, task_status=task_status)

        await tasks.start(run)
        yield clerk


async def said(stream: SocketStream) -> bytes:
    """All that comes until the server closes the connection, be it that it left unread what it was told."""
    received = b""
    with anyio.fail_after(60), suppress(anyio.BrokenResourceError):
        async for chunk in stream:
            received += chunk
    return received


async def asked(address: Path, line: bytes = STATUS) -> Object:
    """What the server answers to a line."""
    async with await anyio.connect_unix(address) as stream:
        await stream.send(line)
        answer: Object = json.loads(await said(stream))
        return answer


@AT_ONCE
@pytest.mark.parametrize("part", [b"", b'{"schema":1,"op":"st'], ids=["nothing", "half a question"])
@pytest.mark.anyio
async def test_who_stays_and_does_not_end_a_question_is_cut_off_with_a_sentence(address: Path, part: bytes) -> None:
    async with serving(address), await anyio.connect_unix(address) as slow:
        began = anyio.current_time()
        await slow.send(part)
        refused = json.loads(await said(slow))
        assert anyio.current_time() - began == pytest.approx(PATIENCE)
        assert refused["error"]["message"] == "no question came within 5 s"
        assert await asked(address) == ANSWER


@AT_ONCE
@pytest.mark.anyio
async def test_who_never_reads_the_answers_is_cut_off_and_whoever_does_is_not_kept_waiting(address: Path) -> None:
    async with serving(address) as clerk, await anyio.connect_unix(address) as deaf:
        began = anyio.current_time()
        await deaf.send(b'{"schema":1,"op":"events"}\n')
        await clerk.listened.wait()
        assert await asked(address) == ANSWER
        assert anyio.current_time() - began < PATIENCE
        await clerk.let_go.wait()
        assert anyio.current_time() - began == pytest.approx(PATIENCE)
        assert (await said(deaf)).startswith(b'{"schema":1,')  # what was on its way, and the end


@AT_ONCE
@pytest.mark.anyio
async def test_one_client_too_many_is_turned_away_until_another_has_left(address: Path) -> None:
    async with serving(address, clients=3), AsyncExitStack() as stack:
        waiting = [await stack.enter_async_context(await anyio.connect_unix(address)) for _ in range(3)]
        refused = await asked(address)
        assert refused["error"] == {"message": FULL, "exit_status": 1}
        await waiting.pop().aclose()
        assert await asked(address) == ANSWER
        for stream in waiting:
            await stream.send(STATUS)
            assert json.loads(await said(stream)) == ANSWER


@AT_ONCE
@pytest.mark.anyio
async def test_who_was_turned_away_before_it_could_ask_is_told_why_and_not_that_nobody_is_there(
    address: Path, tmp_path: Path
) -> None:
    place = rendezvous_in(address.parent, tmp_path)
    async with serving(place.socket, clients=3), AsyncExitStack() as stack:
        for _ in range(3):
            await stack.enter_async_context(await anyio.connect_unix(place.socket))
        connection = connect(place, deadline=None)
        assert connection is not None
        with connection:
            await anyio.sleep(1)  # until the server has closed the connection
            with pytest.raises(Fatal, match=FULL):
                next(connection.ask(Question(op=Op.STATUS)))


CONNECT = f"""
import os, socket, sys
user = int(sys.argv[1])
if user != os.getuid():
    os.setgroups([])
    os.setgid(user)
    os.setuid(user)
with socket.socket(socket.AF_UNIX) as client:
    client.settimeout(30)
    try:
        client.connect("uvwatch/socket")
    except PermissionError:
        print("may not")
    else:
        try:
            client.sendall({STATUS!r})
            print(client.makefile("rb").readline().decode() or "no answer")
        except OSError:
            print("no answer")
"""


async def asked_as(user: int, address: Path) -> str:
    """What a process of another user, or of this one, gets for an answer; it begins in the directory's parent."""
    done = await anyio.run_process([sys.executable, "-I", "-c", CONNECT, str(user)], cwd=address.parent.parent)
    return done.stdout.decode().strip()


@pytest.mark.anyio
async def test_the_directory_the_socket_and_the_server_each_turn_another_user_away(address: Path) -> None:
    async with serving(address):
        own = os.getuid()
        assert [each.stat().st_uid for each in (address.parent, address)] == [own, own]
        assert [each.stat().st_mode & 0o777 for each in (address.parent, address)] == [0o700, 0o600]
        assert json.loads(await asked_as(own, address)) == ANSWER
        if own == 0:  # nobody else can be somebody else
            assert await asked_as(NOBODY, address) == "may not"
            await anyio.Path(address.parent).chmod(0o755)
            assert await asked_as(NOBODY, address) == "may not"
            await anyio.Path(address).chmod(0o666)
            assert await asked_as(NOBODY, address) == "no answer"
            assert json.loads(await asked_as(own, address)) == ANSWER
