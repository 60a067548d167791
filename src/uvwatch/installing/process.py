"""The one door to child processes: argv, no shell, an own process group, bounded output, never left behind.

It knows how a child is started, heard and ended. It must not know what the child is for: whether it may be killed right
now is a question that it asks of the caller.
"""

import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from subprocess import DEVNULL, PIPE, STDOUT
from typing import IO

import anyio
from anyio.abc import ByteReceiveStream, Process

from uvwatch.errors import CycleFailed, FailureKind

OnLine = Callable[[str], None]

TAIL = 40
"""Lines of output that a failure shows (CONTRACT, "Lines on stdout")."""

_RUNNING: set[Process] = set()
"""The children of this process: a second SIGINT must find them all."""

_LINES = 2_000
_CHARACTERS = 256 * 1024
_LONGEST_LINE = 16 * 1024
_TERM_GRACE = 2.0
_DRAIN = 0.5
_FINISH_GRACE = 2.0
_SAFE_WINDOW = 0.8
_SAFE_RETRY = 0.02
_STOP_POLLS = 50
_STOP_POLL = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    r"""A child that ended. ``returncode`` is negative for a signal, as in ``subprocess``.

    ``transcript`` is what it printed, stdout and stderr as they came, the oldest lines cut beyond 2,000 lines or
    256 Ki characters; bytes that are not UTF-8 stand as ``\\xNN``.
    """

    returncode: int
    transcript: str

    @property
    def output(self) -> str:
        """The last 40 lines of the transcript."""
        return "\n".join(self.transcript.split("\n")[-TAIL:])


class Transcript:
    """The last lines of a stream of bytes; what is cut is cut at the front."""

    def __init__(self, on_line: OnLine | None) -> None:
        self._on_line = on_line
        self._lines: deque[str] = deque()
        self._characters = 0
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Take what the child printed."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._add(line)
        # A child that never ends its line must not fill the memory.
        while len(self._rest) > _LONGEST_LINE:
            self._add(self._rest[:_LONGEST_LINE])
            self._rest = self._rest[_LONGEST_LINE:]

    def end(self) -> None:
        """Take a last line that has no end."""
        if self._rest:
            self._add(self._rest)
            self._rest = b""

    def _add(self, raw: bytes) -> None:
        line = raw.removesuffix(b"\r").decode("utf-8", "backslashreplace")
        self._lines.append(line)
        self._characters += len(line)
        while len(self._lines) > _LINES or self._characters > _CHARACTERS:
            self._characters -= len(self._lines.popleft())
        if self._on_line is not None:
            self._on_line(line)

    @property
    def text(self) -> str:
        """What was kept."""
        return "\n".join(self._lines)


async def run(
    argv: Sequence[str],
    *,
    cwd: str,
    env: Mapping[str, str],
    timeout: float,  # noqa: ASYNC109 - a timeout of the child, which has to be ended and reported
    on_line: OnLine | None = None,
    safe_to_kill: Callable[[], bool] | None = None,
    stdin: IO[bytes] | None = None,
) -> Completed:
    """Run a child to its end, in a session of its own.

    However this ends, the child is reaped. After a timeout or a cancellation its whole process group is gone too:
    SIGTERM, and SIGKILL to what is left 2 s later. With ``safe_to_kill`` a kill waits for a moment that the caller
    calls safe: after a cancellation the child has 2.0 s to end by itself, and then for 0.8 s it is stopped (SIGSTOP)
    every 20 ms, the question asked, and the child killed or let on; after that it is killed all the same.

    Args:
        argv: the program, found on the PATH of ``env``, and its arguments.
        cwd: its working directory.
        env: its whole environment.
        timeout: seconds that it may take.
        on_line: given each line as it comes, without its end; it must not raise.
        safe_to_kill: asked while the child stands still; True if nothing would be left half done.
        stdin: a file that it reads; empty by default. No pipe: a child that does not read would have to be waited for.

    Raises:
        CycleFailed: the child could not be started (``ENVIRONMENT``) or took too long (``TIMEOUT``).
    """
    process = await _start(argv, cwd=cwd, env=env, stdin=stdin)
    transcript = Transcript(on_line)
    _RUNNING.add(process)
    timed_out = await _attend(process, transcript, timeout, safe_to_kill)
    transcript.end()
    completed = Completed(returncode=process.returncode or 0, transcript=transcript.text)
    if timed_out:
        raise CycleFailed(
            FailureKind.TIMEOUT,
            f"{os.path.basename(argv[0])} did not end within {timeout:g} s",  # noqa: PTH119 - a name in argv, not a path to open
            output=completed.output,
        )
    return completed


async def _attend(
    process: Process,
    transcript: Transcript,
    timeout: float,  # noqa: ASYNC109 - see run
    safe_to_kill: Callable[[], bool] | None,
) -> bool:
    """Read what a child says until it has ended, or was ended; whether that was for the time it took."""
    # The reader outlives a cancellation: a child that blocks on a full pipe cannot end by itself.
    reading, closed = anyio.CancelScope(shield=True), anyio.Event()

    async def read(stream: ByteReceiveStream) -> None:
        with reading, suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
            async for data in stream:
                transcript.feed(data)
        closed.set()

    async with process, anyio.create_task_group() as tasks:
        if process.stdout is not None:
            tasks.start_soon(read, process.stdout)
        finish = _FINISH_GRACE
        try:
            with anyio.move_on_after(timeout):
                await process.wait()
            timed_out = process.returncode is None
            finish = 0.0
            if not timed_out:
                # A grandchild may hold the pipe for ever (a server that the build started): its output is not ours.
                with anyio.move_on_after(_DRAIN):
                    await closed.wait()
        finally:
            with anyio.CancelScope(shield=True):
                if process.returncode is None:
                    await _end(process, closed, safe_to_kill, finish=finish)
                _RUNNING.discard(process)
            reading.cancel()
    return timed_out


async def _start(argv: Sequence[str], *, cwd: str, env: Mapping[str, str], stdin: IO[bytes] | None) -> Process:
    try:
        return await anyio.open_process(
            argv, stdin=stdin or DEVNULL, stdout=PIPE, stderr=STDOUT, cwd=cwd, env=env, start_new_session=True
        )
    except OSError as error:
        what = error.filename or argv[0]
        raise CycleFailed(FailureKind.ENVIRONMENT, f"cannot run {argv[0]}: {what}: {error.strerror}") from error
    except ValueError as error:  # an empty name, a null byte, or what is no text of the file system
        raise CycleFailed(FailureKind.ENVIRONMENT, f"cannot run {argv[0]!r}: {error}") from error


async def _end(
    process: Process, closed: anyio.Event, safe_to_kill: Callable[[], bool] | None, *, finish: float
) -> None:
    if safe_to_kill is not None and sys.platform != "win32":
        await _kill_when_safe(process, safe_to_kill, finish=finish)
    else:
        _signal(process, signal.SIGTERM)
        # The pipe closes when the last that holds it is gone, so it tells more than the child's own end does.
        with anyio.move_on_after(_TERM_GRACE):
            await process.wait()
            await closed.wait()
        _kill(process)
    await process.wait()


async def _kill_when_safe(process: Process, safe_to_kill: Callable[[], bool], *, finish: float) -> None:
    with anyio.move_on_after(finish):
        await process.wait()
        return
    with anyio.move_on_after(_SAFE_WINDOW):
        while process.returncode is None:
            _signal(process, signal.SIGSTOP)
            await _stopped(process.pid)
            if safe_to_kill():
                break
            _signal(process, signal.SIGCONT)
            with anyio.move_on_after(_SAFE_RETRY):
                await process.wait()
    _kill(process)


async def _stopped(pid: int) -> None:
    """Wait until a child that was sent SIGSTOP stands still or has ended; it is not reaped (WNOWAIT)."""
    if not hasattr(os, "waitid"):  # macOS before Python 3.13
        await anyio.sleep(_STOP_POLL)
        return
    what = os.WSTOPPED | os.WEXITED | os.WNOHANG | os.WNOWAIT
    for _ in range(_STOP_POLLS):
        try:
            if os.waitid(os.P_PID, pid, what) is not None:  # noqa: ASYNC222 - WNOHANG: it does not wait
                return
        except ChildProcessError:
            return
        await anyio.sleep(_STOP_POLL)


def _kill(process: Process) -> None:
    if sys.platform == "win32":
        process.kill()
    else:
        _signal(process, signal.SIGKILL)


def _signal(process: Process, number: signal.Signals) -> None:
    """Send a signal to the child's whole group, unless that is gone (macOS says PermissionError for zombies)."""
    if sys.platform == "win32":
        if process.returncode is None:
            process.send_signal(number)
        return
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def kill_all() -> None:
    """Kill the group of every child that still runs, at once and without waiting: the program is about to exit."""
    for process in tuple(_RUNNING):
        _kill(process)
