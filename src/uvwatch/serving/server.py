"""The daemon's socket: one question a connection, answers as JSON lines, nobody trusted to be quick or sane.

It knows sockets, bounds and deadlines; what is asked for it leaves to the ``Office``. Only processes of the same user
are answered. Whatever a client does, or leaves undone, ends its own connection at most.
"""

import errno
import os
import socket
import struct
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, suppress
from pathlib import Path
from typing import Protocol

import anyio
import structlog
from anyio.abc import SocketAttribute, SocketListener, SocketStream, TaskGroup, TaskStatus
from anyio.streams.buffered import BufferedByteReceiveStream

from uvwatch.errors import Fatal
from uvwatch.serving.jsonlines import SCHEMA, Object, to_line
from uvwatch.serving.protocol import LONGEST_QUESTION, BadQuestion, Op, Question, read_question
from uvwatch.tasks import background

PATIENCE = 5.0
"""Seconds that a client has for its question, and for taking each answer."""

CLIENTS = 256
"""Connections at once, unless another number is given."""

_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_BREATH = 0.1

log = structlog.get_logger()


class Office(Protocol):
    """What answers questions; all objects are public JSON."""

    def status(self, *, text: bool) -> Object:
        """Say what the daemon does."""

    def stop(self) -> None:
        """Begin to end the daemon."""

    def sync(self, question: Question) -> AsyncGenerator[Object, None]:
        """Run a barrier; begins and the end of the cycle that it leads to."""

    def events(self, question: Question) -> AsyncGenerator[Object, None]:
        """Follow what happens, the last cycle first; ends with the daemon."""

    def hold(self, question: Question, pid: int | None) -> AbstractAsyncContextManager[Object]:
        """Hold updates for the length of the context."""


class _Gone(Exception):
    """The client is not there any more, or does not take what it is told."""


async def serve(
    path: Path, office: Office, *, clients: int = CLIENTS, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED
) -> None:
    """Answer on the Unix socket at ``path`` until cancelled; its directory must be this user's alone.

    Args:
        path: where to listen.
        office: what answers.
        clients: connections at once; who comes then is turned away with a sentence.
        task_status: told once it listens.

    Raises:
        Fatal: somebody else answers there, or it cannot be opened.
    """
    await _take_over(path)
    own = None
    try:
        async with await anyio.create_unix_listener(path, mode=0o600) as listener:
            own = _inode(path)
            task_status.started()
            async with anyio.create_task_group() as tasks:
                await _accept(listener, office, tasks, clients)
    except OSError as error:
        raise Fatal(f"{path}: cannot listen there ({error.strerror})") from error
    finally:
        if own is not None and _inode(path) == own:
            _remove(path)


def _inode(path: Path) -> int | None:
    try:
        return path.lstat().st_ino
    except OSError:
        return None


def _remove(path: Path) -> None:
    with suppress(FileNotFoundError):
        path.unlink()


async def _take_over(path: Path) -> None:
    """Remove the socket that a killed daemon left; its lock is ours, but a socket is asked before it goes."""
    try:
        stream = await anyio.connect_unix(path)
    except FileNotFoundError:
        return
    except OSError:
        _remove(path)
    else:
        await stream.aclose()
        raise Fatal(f"{path}: another program answers there", exit_code=1)


async def _accept(listener: SocketListener, office: Office, tasks: TaskGroup, clients: int) -> None:
    places = anyio.Semaphore(clients, max_value=clients)
    while True:
        try:
            stream = await listener.accept()
        except OSError as error:
            if error.errno not in _EXHAUSTED:
                raise
            await anyio.sleep(_BREATH)
            continue
        tasks.start_soon(_attend, stream, office, places)


async def _attend(stream: SocketStream, office: Office, places: anyio.Semaphore) -> None:
    """Serve one client to its end, however it ends."""
    async with stream:
        try:
            uid, pid = _peer(stream)
            if uid != os.getuid():
                return
            try:
                places.acquire_nowait()
            except anyio.WouldBlock:
                await _refuse(stream, Fatal(f"{places.max_value} clients are connected already", exit_code=1))
                return
            try:
                await _converse(stream, office, pid)
            finally:
                places.release()
        except (_Gone, OSError) as gone:
            log.debug("client.gone", reason=str(gone))


async def _converse(stream: SocketStream, office: Office, pid: int | None) -> None:
    try:
        with anyio.fail_after(PATIENCE):
            line = await BufferedByteReceiveStream(stream).receive_until(b"\n", LONGEST_QUESTION)
        await _answer(stream, office, read_question(line), pid)
    except (anyio.IncompleteRead, anyio.BrokenResourceError) as error:
        raise _Gone("without a question") from error
    except anyio.DelimiterNotFound:
        await _refuse(stream, Fatal(f"a question has at most {LONGEST_QUESTION} bytes"))
    except TimeoutError:
        await _refuse(stream, Fatal(f"no question came within {PATIENCE:g} s"))
    except (BadQuestion, Fatal) as error:
        await _refuse(stream, error)


async def _answer(stream: SocketStream, office: Office, question: Question, pid: int | None) -> None:
    match question.op:
        case Op.STATUS:
            await _send(stream, office.status(text=question.text))
        case Op.STOP:
            await _send(stream, {"schema": SCHEMA, "stopping": True})
            office.stop()
        case Op.SYNC:
            await _tell(stream, office.sync(question))
        case Op.EVENTS:
            async with _while_there(stream):
                await _tell(stream, office.events(question))
        case Op.HOLD:
            async with _while_there(stream, pid), office.hold(question, pid) as began:
                await _send(stream, began)
                await anyio.sleep_forever()


async def _tell(stream: SocketStream, answers: AsyncGenerator[Object, None]) -> None:
    async with aclosing(answers):
        async for answer in answers:
            await _send(stream, answer)


async def _refuse(stream: SocketStream, error: BadQuestion | Fatal) -> None:
    status = error.exit_code if isinstance(error, Fatal) else 2
    await _send(stream, {"schema": SCHEMA, "error": {"message": str(error), "exit_status": status}})


async def _send(stream: SocketStream, answer: Object) -> None:
    try:
        with anyio.fail_after(PATIENCE):
            await stream.send(to_line(answer).encode() + b"\n")
    except (anyio.BrokenResourceError, anyio.ClosedResourceError, TimeoutError) as error:
        raise _Gone("while it was answered") from error


@asynccontextmanager
async def _while_there(stream: SocketStream, pid: int | None = None) -> AsyncIterator[None]:
    """Run the body until it ends, the client closes the connection or, if it is named, its process ends.

    The process counts for itself: one that it started may have inherited the connection, and outlive it.
    """
    async with background() as tasks:
        with anyio.CancelScope() as body:
            tasks.start_soon(_cancel_when_closed, stream, body)
            if pid is not None and sys.platform == "linux":
                tasks.start_soon(_cancel_when_ended, pid, body)
            yield


async def _cancel_when_closed(stream: SocketStream, body: anyio.CancelScope) -> None:
    # One question a connection: whatever else comes ends it as well.
    with suppress(anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
        await stream.receive(1)
    body.cancel()


async def _cancel_when_ended(pid: int, body: anyio.CancelScope) -> None:
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        body.cancel()
        return
    except OSError:
        return  # an old kernel: the connection alone tells
    try:
        await anyio.wait_readable(descriptor)
        body.cancel()
    finally:
        os.close(descriptor)


def _peer(stream: SocketStream) -> tuple[int, int | None]:
    """The user and the process at the other end; where the system does not tell, the directory's mode guards."""
    if sys.platform != "linux":
        return os.getuid(), None
    raw = stream.extra(SocketAttribute.raw_socket)  # noqa: S610 - no Django here
    credentials = raw.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid, uid, _gid = struct.unpack("3i", credentials)
    return uid, pid or None
