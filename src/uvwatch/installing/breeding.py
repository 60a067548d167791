"""The daemon's end of one zygote: it is started, given hooks to run, watched and ended.

It knows the lines that zygote.py speaks. It must not know which hook runs, nor what becomes of a zygote that is lost.
"""

import itertools
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import PIPE
from typing import Any

import anyio
from anyio import CancelScope
from anyio.abc import Process, TaskStatus
from anyio.streams.buffered import BufferedByteReceiveStream

from uvwatch.installing.process import Transcript

# Not imported: its modules of the standard library are not everywhere.
_ZYGOTE = Path(__file__).with_name("zygote.py")
_TERM_GRACE = 2.0
_END_GRACE = _TERM_GRACE + 2.0
_PATIENCE = 30.0
_DRAIN = 0.5
_LONGEST = 1 << 20


class ZygoteLost(Exception):
    """The zygote ended, or does not answer; the message says what it printed last."""


class HookTimeout(Exception):
    """The hook took too long, and was ended with all of its group."""


@dataclass(slots=True, kw_only=True)
class _Hook:
    """One hook that runs; ``group`` is its process group, known once it has begun."""

    transcript: Transcript
    begun: anyio.Event = field(default_factory=anyio.Event)
    ended: anyio.Event = field(default_factory=anyio.Event)
    group: int | None = None
    status: int | None = None


class Zygote:
    """One zygote, from its start to its end; ``size`` is the memory that it occupied after the last hook, in bytes."""

    def __init__(self, python: Path, *, directory: Path, env: Mapping[str, str], cold: bool) -> None:
        """``directory`` is where it stands; ``cold`` has it import nothing ahead."""
        options = ("--cold",) if cold else ()
        self._argv = (str(python), str(_ZYGOTE), *options)
        self._directory = directory
        self._env = env
        self._process: Process | None = None
        self._numbers = itertools.count(1)
        self._hooks: dict[int, _Hook] = {}
        self._sending = anyio.Lock()
        self._errors = Transcript(None)
        self._silent = anyio.Event()
        self._stop = anyio.Event()
        self._retired = False
        self.lost = False
        self.size = 0

    @property
    def busy(self) -> bool:
        """Whether a hook runs."""
        return bool(self._hooks)

    @property
    def pid(self) -> int | None:
        """Its process, None before it runs."""
        return None if self._process is None else self._process.pid

    def retire(self) -> None:
        """Have it end, as soon as the hooks that it runs have ended."""
        self._retired = True
        if not self._hooks:
            self._stop.set()

    async def live(self, *, task_status: TaskStatus[None]) -> None:
        """Be its life: start it, hear it, and see that nothing of it is left. It reports once it is started or lost.

        It never raises for what the zygote does: whoever waits for a hook gets ``ZygoteLost``.
        """
        try:
            self._process = await anyio.open_process(
                self._argv,
                stdin=PIPE,
                stdout=PIPE,
                stderr=PIPE,
                cwd=self._directory,
                env=self._env,
                start_new_session=True,
            )
        except OSError as error:
            self._errors.feed(f"{self._argv[0]}: {error.strerror}\n".encode())
            self._lose()
            task_status.started()
            return
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._hear_errors, self._process)
                tasks.start_soon(self._hear, self._process, tasks.cancel_scope)
                task_status.started()
                await self._stop.wait()
                tasks.cancel_scope.cancel()
        finally:
            with CancelScope(shield=True):
                await self._end(self._process)

    async def run(
        self,
        argv: Sequence[str],
        *,
        cwd: str,
        env: Mapping[str, str],
        backend: str | None,
        transcript: Transcript,
        timeout: float,  # noqa: ASYNC109 - of the hook, which has to be ended
    ) -> int:
        """Run a hook in a fresh process, and return its exit status, negative for a signal.

        However this ends, the hook's process has ended; after a timeout or a cancellation its whole group is gone.

        Args:
            argv: as ``BuildBackendHookCaller`` hands it over.
            cwd: the distribution's directory.
            env: what to add to the environment variables.
            backend: the module to import ahead; None for one in the project's own tree.
            transcript: gets what the hook prints.
            timeout: seconds that it may take.

        Raises:
            ZygoteLost: there is no zygote any more.
            HookTimeout: it took too long.
        """
        number, hook = next(self._numbers), _Hook(transcript=transcript)
        self._hooks[number] = hook
        try:
            with anyio.move_on_after(timeout) as within:
                await self._send(run=number, argv=list(argv), cwd=cwd, env=dict(env), backend=backend)
                await self._begin(hook)
                await hook.ended.wait()
        finally:
            with CancelScope(shield=True):
                if not hook.ended.is_set():
                    await self._end_hook(number, hook)
            del self._hooks[number]
            if self._retired:
                self.retire()
        if within.cancelled_caught:
            raise HookTimeout
        if hook.status is None:
            raise ZygoteLost(self._last_words())
        return hook.status

    async def _begin(self, hook: _Hook) -> None:
        with anyio.move_on_after(_PATIENCE):
            await hook.begun.wait()
            return
        self._kill()
        self._lose()

    async def _end_hook(self, number: int, hook: _Hook) -> None:
        with suppress(ZygoteLost), anyio.move_on_after(_END_GRACE):
            await self._send(end=number)
            await hook.ended.wait()
            return
        self._kill()
        self._lose()

    async def _send(self, **request: Any) -> None:
        process = self._process
        if process is None or process.stdin is None or self.lost:
            raise ZygoteLost(self._last_words())
        async with self._sending:
            try:
                await process.stdin.send(json.dumps(request).encode() + b"\n")
            except (anyio.BrokenResourceError, anyio.ClosedResourceError) as error:
                self._lose()
                raise ZygoteLost(self._last_words()) from error

    async def _hear(self, process: Process, life: CancelScope) -> None:
        if process.stdout is not None:
            stream = BufferedByteReceiveStream(process.stdout)
            # What is no line of JSON does not come from a zygote that is well.
            with suppress(
                anyio.IncompleteRead,
                anyio.ClosedResourceError,
                anyio.BrokenResourceError,
                anyio.DelimiterNotFound,
                ValueError,
            ):
                while True:
                    self._take(json.loads(await stream.receive_until(b"\n", _LONGEST)))
        # Its last words may still be on their way.
        with anyio.move_on_after(_DRAIN):
            await self._silent.wait()
        self._lose()
        life.cancel()

    def _take(self, said: Mapping[str, Any]) -> None:
        number = said.get("started") or said.get("output") or said.get("ended")
        hook = self._hooks.get(number) if isinstance(number, int) else None
        if hook is None:
            return
        if "started" in said:
            hook.group = said["pid"]
            hook.begun.set()
        elif "output" in said:
            hook.transcript.feed(said["data"].encode("latin-1"))
        else:
            self.size = said["rss"]
            hook.status = said["status"]
            hook.ended.set()

    async def _hear_errors(self, process: Process) -> None:
        if process.stderr is not None:
            with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
                async for data in process.stderr:
                    self._errors.feed(data)
        self._errors.end()
        self._silent.set()

    def _lose(self) -> None:
        self.lost = True
        for hook in self._hooks.values():
            hook.begun.set()
            hook.ended.set()

    def _last_words(self) -> str:
        return self._errors.text.strip().rpartition("\n")[2] or "the build process has ended"

    async def _end(self, process: Process) -> None:
        """Close its stdin, upon which it ends by itself, and make sure."""
        self._lose()
        if process.stdin is not None:
            with suppress(anyio.BrokenResourceError):
                await process.stdin.aclose()
        with anyio.move_on_after(_TERM_GRACE):
            await process.wait()
        self._kill()
        await process.wait()
        await process.aclose()

    def _kill(self) -> None:
        """Kill it, and the groups of its hooks: those it can end no more, and they may have children of their own."""
        if sys.platform == "win32" or self._process is None:
            return
        groups = [hook.group for hook in self._hooks.values() if hook.group is not None and hook.status is None]
        if self._process.returncode is None:
            groups.append(self._process.pid)
        for group in groups:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(group, signal.SIGKILL)
