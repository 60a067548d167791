"""Putting the difference between an installed copy and what it should be in place, so that no file is ever missing.

Everything is staged first; then a mark on disk; then renames, RECORD last. Before the mark what was staged is thrown
away, after it the rest is carried out by whoever comes next: there is no rollback. A kill, an error or a full disk at
any point leaves each file old or new, and whole. It must not know why something changed, or what was built.
"""

import contextlib
import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import structlog
from anyio import get_cancelled_exc_class, to_thread

from uvwatch.core import placing
from uvwatch.core.model import Delta, Distribution
from uvwatch.core.placing import Installed, Refusal, Wanted
from uvwatch.errors import CycleFailed, FailureKind
from uvwatch.installing import disk as file_system
from uvwatch.installing import redo
from uvwatch.installing.directories import named
from uvwatch.installing.disk import Disk, RealDisk
from uvwatch.installing.envlock import PATIENCE, environment_lock
from uvwatch.installing.place import AREA, Place, Refused, abandon, opened, staging_directories, staging_directory
from uvwatch.installing.redo import Found, Log
from uvwatch.installing.sources import Sources
from uvwatch.installing.staging import stage_all
from uvwatch.installing.survey import survey
from uvwatch.project.environment import Environment
from uvwatch.project.installed import InstalledCopy, site_of

_GONE = frozenset({errno.ENOENT, errno.ESTALE})

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A staged update that waits for its mark; ``stage`` is its open staging directory."""

    place: Place
    stage: int
    delta: Delta
    log: Log


def wheel_text_of(env: Environment, distribution: Distribution) -> str:
    """The text of an installed WHEEL; empty where it cannot be read."""
    try:
        return (site_of(env, distribution) / distribution.dist_info / "WHEEL").read_text("utf-8", "replace")
    except OSError:
        return ""


def installed_copy(env: Environment, distribution: Distribution, copy: InstalledCopy) -> Installed:
    """What is installed, as the decision needs it; WHEEL is read here."""
    return Installed(
        distribution=distribution,
        has_pyvenv_cfg=env.has_pyvenv_cfg,
        rows=copy.record,
        files={path: known.content for path, known in copy.files.items()},
        wheel_text=wheel_text_of(env, distribution),
        record_digest=copy.digest,
    )


async def place(
    env: Environment,
    installed: Installed,
    wanted: Wanted,
    bytes_of: Sources,
    *,
    disk: Disk | None = None,
    patience: float = PATIENCE,
) -> Delta | Refusal:
    """Make the installed copy what is wanted, and return what changed; a Refusal has touched nothing.

    The caller sees to it that it alone updates this distribution, and that no uv runs for it.

    Args:
        env: the environment.
        installed: what is installed, as it was read just now.
        wanted: what shall be installed.
        bytes_of: a source for each path that has to be written.
        disk: the file system; None for the real one.
        patience: seconds to wait for the environment's lock.

    Raises:
        SourceChanged: a source changed meanwhile; nothing was touched.
        CycleFailed: a source cannot be read (``BUILD``, ``IO``), a file cannot be written (``IO``), the environment
            vanished, was changed by another program or stays locked (``ENVIRONMENT``).
    """
    difference = placing.delta(installed, wanted)
    reason = _refusal(env, installed, wanted, difference, bytes_of)
    if reason is not None:
        return Refusal(reason=reason)
    if not difference:
        return difference
    disk = disk or RealDisk()
    name = installed.distribution.name
    await replay(env, name, disk=disk, patience=patience)
    with _failures(env), contextlib.ExitStack() as stack:
        try:
            prepare = partial(prepared, stack, disk, env, installed, wanted, difference, bytes_of)
            update = await to_thread.run_sync(prepare)
        except Refused as error:
            return Refusal(reason=str(error))
        try:
            async with environment_lock(env.prefix, timeout=patience):
                await to_thread.run_sync(commit, update)
        except (CycleFailed, OSError, get_cancelled_exc_class()):
            abandon(update.place, update.stage, name)
            raise
    return difference


async def replay(
    env: Environment, name: str | None = None, *, disk: Disk | None = None, patience: float = PATIENCE
) -> bool:
    """Finish what was marked and then interrupted, and throw away what was staged and never marked.

    With ``name`` only that distribution's is looked at; all of them may be looked at only while nobody updates this
    environment. Whoever cannot have it finished (``CycleFailed``) has uv reinstall, which makes the log void.

    Returns:
        Whether something was left to do and is done.

    Raises:
        CycleFailed: a file cannot be written (``IO``), or the environment stays locked (``ENVIRONMENT``).
    """
    disk = disk or RealDisk()
    if not file_system.SUPPORTED:
        return False
    with _failures(env):
        if not await to_thread.run_sync(_is_due, disk, env, name):
            return False
        async with environment_lock(env.prefix, timeout=patience):
            return await to_thread.run_sync(finish, disk, env, name)


def prepared(
    stack: contextlib.ExitStack,
    disk: Disk,
    env: Environment,
    installed: Installed,
    wanted: Wanted,
    difference: Delta,
    bytes_of: Sources,
) -> Prepared:
    """Open, look and stage; ``stack`` closes what stays open. No installed file is touched.

    Raises:
        Refused: uv has to install this.
        CycleFailed: a source cannot be read or changed meanwhile, or RECORD did.
        OSError: the environment cannot be opened, or a file cannot be staged.
    """
    name = installed.distribution.name
    where = stack.enter_context(opened(disk, env.prefix, env.purelib))
    area = f"{env.prefix}/{AREA}/{name}"
    with named(area):
        stage = stack.enter_context(staging_directory(where, name))
    try:
        dist_info = installed.distribution.dist_info
        if redo.digest_of(disk, where.site, f"{dist_info}/RECORD") != installed.record_digest:
            raise _changed_meanwhile(dist_info)
        floors = survey(where, stage, installed, wanted, difference)
        entries = stage_all(disk, stage, installed, wanted, difference, bytes_of, floors)
    except (CycleFailed, OSError, Refused) as error:
        abandon(where, stage, name)
        if isinstance(error, OSError) and error.filename:
            error.filename = f"{area} (for {error.filename})"
        raise
    redo_log = Log(
        site=where.path,
        dist_info=wanted.dist_info,
        before=installed.record_digest,
        after=entries[-1].digest or "",
        entries=entries,
    )
    return Prepared(place=where, stage=stage, delta=difference, log=redo_log)


def commit(update: Prepared) -> None:
    """Mark a staged update and carry it out; the caller holds the environment's lock.

    Raises:
        CycleFailed: RECORD changed since the update was prepared; nothing is marked.
        OSError: without a log nothing was touched; with one the rest is for :func:`replay`.
    """
    disk, site, stage = update.place.disk, update.place.site, update.stage
    if redo.digest_of(disk, site, update.log.record) != update.log.before:
        raise _changed_meanwhile(update.log.dist_info)
    redo.mark(disk, stage, update.log)
    redo.carry_out(disk, site, stage, update.log)
    redo.throw_away(disk, stage)


def finish(disk: Disk, env: Environment, name: str | None = None) -> bool:
    """Carry out what is marked; see :func:`replay`, whose caller holds the environment's lock.

    Raises:
        OSError: a step failed; the log stays.
    """
    done = False
    with opened(disk, env.prefix, env.purelib) as where:
        for each, stage in staging_directories(where):
            if name not in (None, each) or not redo.is_marked(disk, stage):
                continue
            due = redo.read(disk, stage)
            found = Found.VOID
            if due is not None and due.site == where.path:
                found = redo.examine(disk, where.site, stage, due)
            if due is not None and found is Found.DUE:
                redo.carry_out(disk, where.site, stage, due)
                done = True
            log.info("inplace.replay", distribution=each, found=found.value)
            redo.throw_away(disk, stage)
    return done


def _is_due(disk: Disk, env: Environment, name: str | None) -> bool:
    """Whether something is marked; without ``name`` throws away what is not."""
    due = False
    try:
        with opened(disk, env.prefix, env.purelib) as where:
            for each, stage in staging_directories(where):
                if name in (None, each):
                    due = due or redo.is_marked(disk, stage)
                if name is None:
                    abandon(where, stage, each)
    except (FileNotFoundError, NotADirectoryError, Refused):
        return False  # no environment, and nothing of ours in it
    return due


def _refusal(
    env: Environment, installed: Installed, wanted: Wanted, difference: Delta, bytes_of: Sources
) -> str | None:
    if not file_system.SUPPORTED:
        return "this system cannot open a file relative to a directory"
    if env.platlib != env.purelib:
        return "the environment has two library directories"
    reason = placing.refusal(installed, wanted, difference)
    if reason is not None:
        return reason
    unknown = next((path for path in (*difference.added, *difference.changed) if path not in bytes_of), None)
    return unknown and f"the bytes of {unknown} are not at hand"


def _changed_meanwhile(dist_info: str) -> CycleFailed:
    return CycleFailed(
        FailureKind.ENVIRONMENT, f"{dist_info}/RECORD changed during the update: another program installs here too"
    )


@contextlib.contextmanager
def _failures(env: Environment) -> Iterator[None]:
    """Turn an error of the file system into a failed cycle.

    Raises:
        CycleFailed: instead of an OSError, with the path that it names; a relative one is as RECORD has it.
    """
    try:
        yield
    except OSError as error:
        path = env.purelib / os.fsdecode(error.filename) if error.filename else env.prefix
        if error.errno in _GONE:
            raise CycleFailed(
                FailureKind.ENVIRONMENT, f"{path} vanished during the update: another program changes {env.prefix}"
            ) from error
        raise CycleFailed(FailureKind.IO, f"{path}: {error.strerror or error}") from error
