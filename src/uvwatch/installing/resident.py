"""Wheels from resident build processes: a zygote for each build environment, a fresh process for each hook.

It knows when a zygote is started, shared, replaced and ended, and what pyproject-hooks asks of it. It must not know
what the wheel is for. What it cannot build as uv would is for ``build.build_wheel``, and said by ``NotResident``.
"""

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import anyio
import platformdirs
from anyio import CapacityLimiter, from_thread, to_thread
from anyio.lowlevel import checkpoint_if_cancelled
from pyproject_hooks import BackendUnavailable, BuildBackendHookCaller

from uvwatch.core.building import BuildSystem, build_system, by_name, needs_other
from uvwatch.core.diagnose import diagnose
from uvwatch.errors import CycleFailed, FailureKind, UvwatchError
from uvwatch.installing.breeding import HookTimeout, Zygote, ZygoteLost
from uvwatch.installing.buildenv import BuildEnvironment, BuildEnvironments
from uvwatch.installing.process import TAIL, OnLine, Transcript
from uvwatch.installing.uv import Uv, build_command, indent_of_line
from uvwatch.installing.uvsettings import uv_tomls
from uvwatch.project.environment import Environment
from uvwatch.project.pyproject import BrokenPyproject, project_name, read_if_there, read_pyproject

IDLE = 600.0
"""Seconds without a build after which a zygote is ended."""

MEMORY = 512 * 1024 * 1024
"""Bytes that a zygote may occupy: one that has grown beyond is replaced."""

_ATTEMPTS = 3
_LOSSES = 2

T = TypeVar("T")


class NotResident(UvwatchError):
    """This build is uv's: the resident way cannot do it, or not as uv would. The message is the reason."""


class _HookFailed(Exception):
    """A hook's process ended with something else than 0."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(slots=True, kw_only=True)
class _Stable:
    """A build environment and its zygote; ``lost`` counts those that ended by themselves."""

    environment: BuildEnvironment | None = None
    zygote: Zygote | None = None
    lost: int = 0
    used: float = 0.0
    lock: anyio.Lock = field(default_factory=anyio.Lock)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """One build: what is asked of whom, and who listens."""

    root: str
    system: BuildSystem
    python: Environment
    timeout: float
    on_line: OnLine | None
    transcript: Transcript


def _name(root: str) -> str:
    """What a person calls the project in a directory."""
    try:
        return project_name(read_pyproject(Path(root, "pyproject.toml"))) or Path(root).name
    except BrokenPyproject:
        return Path(root).name


def builds_directory() -> Path:
    """Where build environments are kept: in the user's cache."""
    return Path(platformdirs.user_cache_dir("uvwatch"), "builds")


class Resident:
    """The build processes of one daemon, for the length of an ``async with``."""

    def __init__(
        self,
        uv: Uv,
        *,
        workspace: Path,
        environ: Mapping[str, str],
        directory: Path,
        cores: int | None = None,
        idle: float = IDLE,
        memory: int = MEMORY,
    ) -> None:
        """Nothing is started yet.

        Args:
            uv: makes the build environments.
            workspace: the project's directory; paths in failures are relative to it.
            environ: the user's environment variables.
            directory: where build environments are kept, see ``builds_directory``.
            cores: how many builds may run at once.
            idle: seconds without a build after which a zygote is ended.
            memory: bytes that a zygote may occupy.
        """
        self._uv = uv
        self._workspace = workspace
        self._environ = environ
        self._environments = BuildEnvironments(directory, uv=uv, environ=environ, uv_tomls=uv_tomls(environ))
        self._limiter = CapacityLimiter(cores or os.cpu_count() or 1)
        self._idle = idle
        self._memory = memory
        self._stables: dict[str, _Stable] = {}
        self._asked: dict[str, tuple[str, ...]] = {}
        self._tasks = anyio.create_task_group()

    async def __aenter__(self) -> "Resident":  # noqa: PYI034 - Self begins with Python 3.11
        """Begin; zygotes are started by the first build that needs them."""
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all zygotes, and wait until they are gone; an error of the body goes on as it is, in no group."""
        self._tasks.cancel_scope.cancel()
        await self._tasks.__aexit__(None, None, None)

    @property
    def zygotes(self) -> tuple[Zygote, ...]:
        """Those that live."""
        found = (stable.zygote for stable in self._stables.values())
        return tuple(each for each in found if each is not None and not each.lost)

    async def build_wheel(
        self,
        root: str,
        *,
        out_dir: str,
        python: Environment,
        timeout: float,  # noqa: ASYNC109 - of each step, which has to be ended and reported
        on_line: OnLine | None = None,
        inputs_changed: bool = True,
        renew: bool = False,
    ) -> str:
        """Build the wheel of a distribution from its tree as it stands, and return the wheel's path.

        Ask ``uvsettings.why_uv`` first. The wheel is stored, not deflated, where the backend writes it with zipfile.

        Args:
            root: the distribution's directory.
            out_dir: an existing directory outside the tree for the wheel.
            python: the environment whose interpreter the wheel is for.
            timeout: seconds that each step may take: making a build environment, each hook.
            on_line: given each line that the backend prints, as it comes.
            inputs_changed: whether the backend has to be asked anew what it requires.
            renew: whether the build environment has to be made anew, since another version of the backend is about.

        Raises:
            CycleFailed: the build failed or took too long.
            NotResident: it is for uv to build.
        """
        job = _Job(
            root=root,
            system=_system(root),
            python=python,
            timeout=timeout,
            on_line=on_line,
            transcript=Transcript(on_line),
        )
        asks = inputs_changed or root not in self._asked
        if asks:
            asked = await self._hook(job, (), _get_requires, renew=renew)
            if not (isinstance(asked, list) and all(isinstance(each, str) for each in asked)):
                raise _no_answer(job, "get_requires_for_build_wheel", "list of requirements", asked)
            self._asked[root] = needs_other(job.system, asked)
        other = self._asked[root]
        if not by_name(other):
            raise NotResident(f"the build backend requires a path or a URL: {', '.join(other)}")
        # An environment that was just made anew need not be again.
        name = await self._hook(
            job, other, partial(_build_wheel, out_dir=out_dir), renew=renew and (bool(other) or not asks)
        )
        if not isinstance(name, str):
            raise _no_answer(job, "build_wheel", "name of a wheel", name)
        path = Path(out_dir, name)
        if not path.is_file():  # noqa: ASYNC240 - one stat
            raise CycleFailed(FailureKind.BUILD, f"the build of {root} left no wheel", output=_tail(job.transcript))
        return str(path)

    async def _hook(
        self, job: _Job, other: Sequence[str], hook: Callable[[BuildBackendHookCaller], T], *, renew: bool
    ) -> T:
        """Call a hook in the environment of the requirements; a zygote that is lost is replaced."""
        requires = (*job.system.requires, *other)
        stable = self._stables.setdefault(self._environments.key(requires, job.python), _Stable())
        lost = ""
        for _ in range(_ATTEMPTS):
            async with stable.lock:
                environment = await self._house(stable, requires, job, renew=renew)
                zygote = await self._zygote(stable, environment)
            renew = False
            try:
                return await self._call(job, environment, zygote, hook)
            except ZygoteLost as error:
                lost = str(error)
            finally:
                stable.used = anyio.current_time()
        raise NotResident(f"the build process does not live: {lost}")

    async def _call(
        self, job: _Job, environment: BuildEnvironment, zygote: Zygote, hook: Callable[[BuildBackendHookCaller], T]
    ) -> T:
        backend_path = job.system.backend_path
        backend = None if backend_path else job.system.backend.partition(":")[0]

        def runner(cmd: Sequence[str], cwd: str | None = None, extra_environ: Mapping[str, str] | None = None) -> None:
            run = partial(
                zygote.run,
                cmd,
                cwd=cwd or job.root,
                env=extra_environ or {},
                backend=backend,
                transcript=job.transcript,
                timeout=job.timeout,
            )
            if status := from_thread.run(run):
                raise _HookFailed(status)

        try:
            caller = BuildBackendHookCaller(
                job.root, job.system.backend, backend_path or None, runner, str(environment.python)
            )
        except ValueError as failure:
            raise NotResident(f"[build-system] backend-path: {failure}") from failure
        try:
            return await to_thread.run_sync(hook, caller, limiter=self._limiter)
        except _HookFailed as failure:
            raise self._failed(job, failure.status) from failure
        except BackendUnavailable as failure:
            said = failure.traceback or f"Cannot find module {job.system.backend!r} in {list(backend_path)}"
            job.transcript.feed(said.encode())
            raise self._failed(job, 1) from failure
        except HookTimeout as failure:
            raise CycleFailed(
                FailureKind.TIMEOUT,
                f"the build of {_name(job.root)} did not end within {job.timeout:g} s",
                output=_tail(job.transcript),
            ) from failure
        except (FileNotFoundError, ValueError) as failure:
            job.transcript.end()
            raise CycleFailed(
                FailureKind.BUILD, "the build backend ended without an answer", output=_tail(job.transcript)
            ) from failure
        except OSError as failure:
            # A full disk names no file: pyproject-hooks writes what it asks into the temporary directory.
            where = failure.filename or tempfile.gettempdir()
            raise CycleFailed(FailureKind.IO, f"{where}: {failure.strerror}") from failure
        finally:
            # What a thread raises when its caller was cancelled is not what the caller has to see.
            await checkpoint_if_cancelled()

    def _failed(self, job: _Job, status: int) -> CycleFailed:
        job.transcript.end()
        how = f"exit status: {status}" if status > 0 else f"signal: {-status}"
        # In uv's own words, so that the same failure is told alike whoever builds.
        text = (
            f"{job.transcript.text}\nerror: Failed to build `{job.root}`\n"
            "  cause: The build backend returned an error\n"
            f"  cause: Call to `{job.system.backend}.build_wheel` failed ({how})\n"
        )
        found = diagnose(text, roots=(str(self._workspace), job.root), indent_of=indent_of_line)
        return CycleFailed(
            found.kind,
            found.message,
            path=found.path,
            line=found.line,
            column=found.column,
            output=_tail(job.transcript),
        )

    async def _zygote(self, stable: _Stable, environment: BuildEnvironment) -> Zygote:
        """Find the zygote that lives in an environment, or start one."""
        zygote = stable.zygote
        if zygote is not None and zygote.lost:
            stable.lost += 1
        elif zygote is not None and zygote.size > self._memory:
            zygote.retire()
        elif zygote is not None:
            return zygote
        zygote = Zygote(
            environment.python,
            directory=environment.prefix,
            env=self._env(environment),
            # One that is lost again and again may be harmed by what it imports ahead.
            cold=stable.lost >= _LOSSES,
        )
        stable.zygote, stable.used = zygote, anyio.current_time()
        await self._tasks.start(zygote.live)
        self._tasks.start_soon(self._end_when_idle, stable, zygote)
        return zygote

    async def _house(self, stable: _Stable, requires: Sequence[str], job: _Job, *, renew: bool) -> BuildEnvironment:
        """Find or make the environment for requirements; a zygote in another one ends."""
        old = stable.environment
        if old is not None and not renew and await to_thread.run_sync(self._environments.use, old):
            return old
        get = partial(self._environments.get, requires, job.python, timeout=job.timeout, on_line=job.on_line)
        try:
            found = await get()
            if renew:
                found = await get(other_than=found.prefix)
        except CycleFailed as error:
            if error.kind is FailureKind.TIMEOUT:
                raise
            # uv says better than anybody why requirements cannot be had.
            raise NotResident(f"no build environment: {error}") from error
        if stable.zygote is not None and found != old:
            stable.zygote.retire()
            stable.zygote = None
        stable.environment = found
        return found

    async def _end_when_idle(self, stable: _Stable, zygote: Zygote) -> None:
        while not zygote.lost:
            left = stable.used + self._idle - anyio.current_time()
            if left <= 0 and not zygote.busy:
                if stable.zygote is zygote:
                    stable.zygote = None
                zygote.retire()
                return
            await anyio.sleep(left if left > 0 else self._idle)

    def _env(self, environment: BuildEnvironment) -> dict[str, str]:
        """What a hook finds as its environment variables: as under ``uv build``."""
        plain = build_command(self._uv, "", out_dir="", python="", root=str(self._workspace), environ=self._environ).env
        path = os.pathsep.join(each for each in (str(environment.bin), plain.get("PATH", "")) if each)
        return {
            **plain,
            "PATH": path,
            "VIRTUAL_ENV": str(environment.prefix),
            "PYTHONIOENCODING": "utf-8:backslashreplace",
            "UV": self._uv.path,
        }


def _get_requires(caller: BuildBackendHookCaller) -> Any:  # whatever a backend returns
    return caller.get_requires_for_build_wheel(config_settings={})


def _build_wheel(caller: BuildBackendHookCaller, *, out_dir: str) -> Any:  # as above
    return caller.build_wheel(out_dir, config_settings={})  # as uv does


def _no_answer(job: _Job, hook: str, wanted: str, answer: object) -> CycleFailed:
    said = f"`{hook}` of the build backend {job.system.backend} returned no {wanted}: {answer!r}"
    return CycleFailed(FailureKind.BUILD, said, output=_tail(job.transcript))


def _system(root: str) -> BuildSystem:
    try:
        system = build_system(read_if_there(Path(root, "pyproject.toml")) or {})
    except BrokenPyproject as error:
        raise NotResident(str(error)) from error
    if system is None:
        raise NotResident("[build-system] is not valid")
    return system


def _tail(transcript: Transcript) -> str:
    return "\n".join(transcript.text.split("\n")[-TAIL:])
