"""The environment's own lock, which uv takes for each of its commands that installs: ``<environment>/.lock``.

uv holds it by flock(2) for a whole sync and, when it waits too long for it, goes on without a word; so it is held here
for the milliseconds in which files are put in place, and never while uv runs. Source: uv's
``crates/uv-python/src/interpreter.rs`` and ``crates/uv-fs/src/locked_file.rs``, checked against uv 0.13.9.
"""

import contextlib
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
from filelock import FileLock, Timeout

from uvwatch.errors import CycleFailed, FailureKind

POLL = 0.01
"""Seconds between two tries: uv holds the lock for 0.1 s at the least."""

PATIENCE = 30.0
"""Seconds after which somebody who holds the lock is in the way."""

_AS_UV = 0o666


@contextlib.asynccontextmanager
async def environment_lock(prefix: Path, *, timeout: float = PATIENCE) -> AsyncIterator[None]:  # noqa: ASYNC109
    """Keep uv, and whoever else respects its lock, from changing the environment at ``prefix``.

    Raises:
        CycleFailed: somebody held the lock for ``timeout`` seconds, or the environment vanished (``ENVIRONMENT``).
    """
    lock = FileLock(prefix / ".lock", timeout=0, mode=_mode(prefix), thread_local=False)
    with anyio.move_on_after(timeout):
        while True:
            if _taken(lock, prefix):
                break
            await anyio.sleep(POLL)
    if not lock.is_locked:
        raise CycleFailed(
            FailureKind.ENVIRONMENT,
            f"another program has held {prefix / '.lock'} for {timeout:g} s: does a uv command still run?",
        )
    try:
        yield
    finally:
        lock.release()


def _mode(prefix: Path) -> int:
    """The permissions that the lock has, or that uv would give it; some filelocks set them whenever they lock."""
    try:
        return stat.S_IMODE((prefix / ".lock").stat().st_mode)
    except OSError:
        return _AS_UV


def _taken(lock: FileLock, prefix: Path) -> bool:
    if not (prefix / "pyvenv.cfg").exists():  # taking the lock would leave a stray file where there is none
        raise CycleFailed(FailureKind.ENVIRONMENT, f"{prefix} is no environment any more: run `uvwatch sync`")
    try:
        lock.acquire()
    except Timeout:
        return False
    except OSError as error:
        raise CycleFailed(FailureKind.ENVIRONMENT, f"{prefix / '.lock'}: {error.strerror or error}") from error
    return True
