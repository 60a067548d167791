"""Build environments that are kept: one for each set of requirements, interpreter and index settings.

uv makes and fills them. They lie in the user's cache, ``builds/KEY-RANDOM``; the file ``builds/KEY`` names the one that
counts and its modification time is the last use. That file is replaced in one step once an environment is complete, so
nobody ever sees half of one, and what another daemon still runs in stays. This module must not know what is built.
"""

import contextlib
import csv
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio
from anyio import to_thread
from filelock import FileLock, Timeout

from uvwatch.core.building import environment_key, index_settings
from uvwatch.errors import CycleFailed, FailureKind
from uvwatch.installing.process import OnLine
from uvwatch.installing.uv import Command, Uv, run_uv
from uvwatch.project.environment import Environment, NoEnvironment, open_environment

UNUSED = 30 * 24 * 3600.0
"""Seconds after its last use at which an environment is removed."""

_ABANDONED = 24 * 3600.0
_POLL = 0.01
_QUIET = ("--no-progress", "--color", "never")
# What a user set for the project's own environment, or for `uv pip` there, is not meant for one that builds.
_NOT_OURS = frozenset(
    {
        "UV_BREAK_SYSTEM_PACKAGES",
        "UV_COMPILE_BYTECODE",
        "UV_CONSTRAINT",
        "UV_EXCLUDE",
        "UV_HIDE_BUILD_OUTPUT",
        "UV_MANAGED_PYTHON",
        "UV_NO_EDITABLE",
        "UV_NO_MANAGED_PYTHON",
        "UV_OVERRIDE",
        "UV_PROJECT",
        "UV_PROJECT_ENVIRONMENT",
        "UV_PYTHON",
        "UV_RESOLUTION",
        "UV_SYSTEM_PYTHON",
        "UV_TORCH_BACKEND",
        "UV_VENV_CLEAR",
        "UV_VENV_RELOCATABLE",
        "UV_VENV_SEED",
        "UV_WORKING_DIR",
        "UV_WORKING_DIRECTORY",
        "VIRTUAL_ENV",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildEnvironment:
    """An environment that holds build requirements; ``key`` names all that decided what is in it."""

    key: str
    prefix: Path
    python: Path
    bin: Path


class BuildEnvironments:
    """Those that lie in one directory; several daemons may use it at once."""

    def __init__(self, directory: Path, *, uv: Uv, environ: Mapping[str, str], uv_tomls: Sequence[Path] = ()) -> None:
        """``uv_tomls`` are the uv.toml files that uv reads wherever it runs; their contents are part of the key."""
        self._directory = directory
        self._uv = uv
        self._environ = environ
        self._uv_tomls = uv_tomls

    def key(self, requires: Sequence[str], python: Environment) -> str:
        """Name the environment for these requirements and the interpreter of ``python``."""
        return environment_key(
            requires,
            python=os.path.realpath(python.python),
            python_version=python.python_version,
            settings=index_settings(self._environ),
            files=[path.read_bytes() for path in self._uv_tomls if path.is_file()],
        )

    async def get(
        self,
        requires: Sequence[str],
        python: Environment,
        *,
        timeout: float,  # noqa: ASYNC109 - of uv, which has to be ended and reported
        on_line: OnLine | None = None,
        other_than: Path | None = None,
    ) -> BuildEnvironment:
        """Find an environment, or have uv make it: where there is none, and where files of it are missing.

        Args:
            requires: requirements as in ``build-system.requires``, all of them names of packages.
            python: the environment whose interpreter it shall have.
            timeout: seconds that each of uv's steps may take.
            on_line: given each line that uv prints.
            other_than: the prefix of one that is known to be broken or out of date, and does not do.

        Raises:
            CycleFailed: uv could not make it, or it cannot be written (``IO``).
        """
        key = self.key(requires, python)
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            async with _locked(self._directory / f"{key}.lock"):
                found = await to_thread.run_sync(self._find, key)
                if found is None or found.prefix == other_than:
                    found = await self._make(key, requires, python, timeout=timeout, on_line=on_line)
        except OSError as error:
            raise CycleFailed(FailureKind.IO, f"{error.filename or self._directory}: {error.strerror}") from error
        return found

    def use(self, environment: BuildEnvironment) -> bool:
        """Note that an environment is in use; False where it is not the one that counts any more."""
        pointer = self._directory / environment.key
        try:
            os.utime(pointer)
            return pointer.read_text(encoding="ascii") == environment.prefix.name and environment.python.exists()
        except OSError:
            return False

    def _find(self, key: str) -> BuildEnvironment | None:
        pointer = self._directory / key
        try:
            name = pointer.read_text(encoding="ascii")
            found = _opened(key, self._directory / name)
            if not _is_whole(found.prefix):
                return None
            os.utime(pointer)
        except (FileNotFoundError, NoEnvironment, ValueError, csv.Error):
            return None
        return found

    async def _make(
        self,
        key: str,
        requires: Sequence[str],
        python: Environment,
        *,
        timeout: float,  # noqa: ASYNC109 - as above
        on_line: OnLine | None,
    ) -> BuildEnvironment:
        prefix = self._directory / f"{key}-{secrets.token_hex(4)}"
        async with _removed_unless_complete(prefix):
            for command in self.commands(prefix, requires, python):
                await run_uv(command, timeout=timeout, on_line=on_line)
            made = _opened(key, prefix)
        pointer = self._directory / f"{prefix.name}.new"
        pointer.write_text(prefix.name, encoding="ascii")
        pointer.replace(self._directory / key)
        return made

    def commands(self, prefix: Path, requires: Sequence[str], python: Environment) -> tuple[Command, ...]:
        """What uv has to run, from a directory outside of all projects, so that no project's settings count."""
        env = {name: value for name, value in self._environ.items() if name not in _NOT_OURS}
        # Any interpreter is fine, as long as it is this one.
        env["UV_PYTHON_PREFERENCE"] = "managed"
        make = (self._uv.path, "venv", "--no-project", "--python", str(python.python), *_QUIET, str(prefix))
        fill = (self._uv.path, "pip", "install", "--python", str(prefix), *_QUIET, *requires)
        argvs = (make, fill) if requires else (make,)
        return tuple(Command(argv=argv, env=env, cwd=str(self._directory)) for argv in argvs)


def prune(directory: Path, now: float) -> tuple[str, ...]:
    """Remove what was not used for 30 days, and what nobody can use any more; return the names removed, sorted.

    What cannot be read, locked or removed (another user made it) stays: it is in nobody's way.

    Args:
        directory: as ``BuildEnvironments`` has it; it need not exist.
        now: seconds since the epoch.
    """
    try:
        names = [path.name for path in directory.iterdir()]
    except OSError:
        return ()
    removed: list[str] = []
    for key in {name.partition("-")[0].partition(".")[0] for name in names}:
        lock = FileLock(directory / f"{key}.lock", timeout=0)
        with contextlib.suppress(Timeout, OSError, ValueError), lock:
            removed += _prune_key(directory, key, now)
    return tuple(sorted(removed))


def _prune_key(directory: Path, key: str, now: float) -> list[str]:
    pointer = directory / key
    current = pointer.read_text(encoding="ascii") if pointer.exists() else None
    if current is not None and now - pointer.stat().st_mtime > UNUSED:
        pointer.unlink()
        current = None
    removed = []
    for path in directory.glob(f"{key}-*"):
        # One that was replaced may still be run in for a while.
        if path.name != current and (current is None or now - path.stat().st_mtime > _ABANDONED):
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink()
            removed.append(path.name)
    if current is None:
        # Whoever waits for this lock makes another file of its name, and finds nothing: no harm.
        (directory / f"{key}.lock").unlink(missing_ok=True)
    return removed


def _opened(key: str, prefix: Path) -> BuildEnvironment:
    found = open_environment(prefix)
    return BuildEnvironment(key=key, prefix=prefix, python=found.python, bin=found.python.parent)


def _is_whole(prefix: Path) -> bool:
    """Whether all files that RECORD names are there in their size: something may have tidied up the cache."""
    purelib = open_environment(prefix).purelib
    for record in purelib.glob("*.dist-info/RECORD"):
        with record.open(encoding="utf-8", newline="") as rows:
            for path, _digest, size in csv.reader(rows):
                if size and (purelib / path).stat().st_size != int(size):
                    return False
    return True


@contextlib.asynccontextmanager
async def _removed_unless_complete(prefix: Path) -> AsyncIterator[None]:
    complete = False
    try:
        yield
        complete = True
    finally:
        if not complete:
            with anyio.CancelScope(shield=True):
                await to_thread.run_sync(partial(shutil.rmtree, prefix, ignore_errors=True))


@contextlib.asynccontextmanager
async def _locked(path: Path) -> AsyncIterator[None]:
    lock = FileLock(path, timeout=0, thread_local=False)
    while True:
        try:
            lock.acquire()
            break
        except Timeout:
            await anyio.sleep(_POLL)
    try:
        yield
    finally:
        lock.release()
