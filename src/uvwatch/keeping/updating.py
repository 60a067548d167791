"""Bringing one installed copy up to date, once it was decided: patch, rebuild or reinstall.

The cheapest way that is safe is taken: changed files are put in place (patch), a wheel is built and what differs is put
in place (rebuild), uv reinstalls (in doubt). Everything is verified before it is believed. Whether something is to be
done is not known here.
"""

import os
import tempfile
import zipfile
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import structlog
from anyio import to_thread

from uvwatch.core import record
from uvwatch.core.config import Installer
from uvwatch.core.model import Action, Content, Delta
from uvwatch.core.placing import Installed, Refusal, Wanted, leads_out, patched
from uvwatch.core.plan import Judgement, Standing, name_some
from uvwatch.errors import CycleFailed, FailureKind
from uvwatch.installing.bytecode import compile_changed
from uvwatch.installing.inplace import installed_copy, place, wheel_text_of
from uvwatch.installing.sources import Sources, of_file, of_wheel, wanted_of_wheel
from uvwatch.installing.staging import SourceChanged
from uvwatch.installing.uv import reinstall_command, run_cached
from uvwatch.installing.wheel import Wheel, generated_scripts, read_wheel, scripts_of
from uvwatch.keeping.copy import is_whole, mark
from uvwatch.keeping.keeper import Keeper, OnLine
from uvwatch.keeping.obstacles import with_obstacles
from uvwatch.keeping.site import STATE
from uvwatch.keeping.tidying import tidied
from uvwatch.keeping.workshop import Workshop
from uvwatch.project.environment import open_environment
from uvwatch.project.installed import InstalledCopy, local_distributions, site_of
from uvwatch.project.lock import locked
from uvwatch.project.pyproject import compiles_bytecode

_ATTEMPTS = 5

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """What was done, and why in this way."""

    action: Action
    reason: str
    delta: Delta = field(default_factory=Delta)


async def update(
    keeper: Keeper, workshop: Workshop, judgement: Judgement, *, editable: bool, by_uv: bool, on_line: OnLine
) -> Update:
    """Make one copy fresh; finds out first, by a build, where only the backend can tell.

    Args:
        keeper: whose copy.
        workshop: builds wheels.
        judgement: how the copy stands to the tree.
        editable: the mode that it shall have.
        by_uv: leave the installing to uv, whatever else could be done.
        on_line: given what uv and the backend print.

    Raises:
        CycleFailed: it could not be done; what was installed is whole.
    """
    keeper.purged = ()
    by_uv = by_uv or keeper.distrusted or keeper.distribution.editable or keeper.site.config.installer is Installer.UV
    reason = judgement.reason
    if not by_uv and judgement.standing is Standing.STALE and (found := await _patch(keeper, workshop)):
        return found
    if judgement.standing is Standing.ASK or not by_uv:
        async with _built(keeper, workshop, on_line) as (archive, wheel):
            judgement = await keeper.judge()
            if judgement.standing is Standing.FRESH:
                return Update(action=Action.NONE, reason=judgement.reason)
            reason = judgement.reason
            if not by_uv:
                delta = await _place_wheel(keeper, workshop, archive, wheel)
                if isinstance(delta, Delta):
                    return Update(action=Action.REBUILD, reason=reason, delta=delta)
                reason = f"{reason}; {delta.reason}"
    async with workshop.installing:
        delta = await reinstall(keeper, editable=editable, on_line=on_line)
    return Update(action=Action.REINSTALL, reason=reason, delta=delta)


async def build(keeper: Keeper, workshop: Workshop, on_line: OnLine) -> None:
    """Build a wheel of the tree aside, and learn from it.

    Raises:
        CycleFailed: the build failed, or would choke on something in the tree.
    """
    async with _built(keeper, workshop, on_line):
        pass


@asynccontextmanager
async def _built(keeper: Keeper, workshop: Workshop, on_line: OnLine) -> AsyncIterator[tuple[zipfile.ZipFile, Wheel]]:
    """Build a wheel into a temporary directory and learn from it; it is there as long as the body runs."""
    keeper.require_buildable()
    snapshot = keeper.contents
    with _temporary_directory() as directory:
        path, wheel = await _wheel(keeper, workshop, directory, on_line)
        scripts = generated_scripts(wheel, keeper.env)
        files = {**wheel.files, **dict.fromkeys(scripts, Content("", executable=True))}
        moved = frozenset((await keeper.look()).paths)
        await keeper.learn(files, snapshot, rewritten=wheel.rewritten | scripts, moved=moved)
        with zipfile.ZipFile(path) as archive:
            yield archive, wheel


async def _wheel(keeper: Keeper, workshop: Workshop, directory: str, on_line: OnLine) -> tuple[str, Wheel]:
    """Build a wheel and read it; once more where uv installed by a newer backend than the one that is kept."""
    there = wheel_text_of(keeper.env, keeper.distribution)
    path, wheel = await _build_and_read(keeper, workshop, directory, on_line, renew=False)
    if workshop.is_outdated(keeper, wheel.wheel_text, there):
        path, wheel = await _build_and_read(keeper, workshop, directory, on_line, renew=True)
    return path, wheel


async def _build_and_read(
    keeper: Keeper, workshop: Workshop, directory: str, on_line: OnLine, *, renew: bool
) -> tuple[str, Wheel]:
    async with tidied(keeper):
        try:
            path = await workshop.build(keeper, directory, on_line, renew=renew)
        except CycleFailed as error:
            raise await with_obstacles(keeper, error) from error
    return path, await to_thread.run_sync(partial(read_wheel, path, keeper.env))


@contextmanager
def _temporary_directory() -> Iterator[str]:
    """Make a directory for one wheel, and remove it again.

    Raises:
        CycleFailed: it cannot be made.
    """
    try:
        made = tempfile.TemporaryDirectory(prefix="uvwatch-", ignore_cleanup_errors=True)
    except OSError as error:
        why = ": ".join(filter(None, (error.filename, error.strerror)))
        raise CycleFailed(
            FailureKind.IO, f"no directory for the build can be made ({why}); make room there, or set TMPDIR to another"
        ) from error
    with made as directory:
        yield directory


async def _patch(keeper: Keeper, workshop: Workshop) -> Update | None:
    """Put changed files in place that stand in the wheel byte for byte; None where that is not safe.

    A file that is written meanwhile is looked at again: with somebody who never stops writing (a log), the moment from
    the look to the copy is short enough for one of some attempts.
    """
    root = keeper.distribution.root
    for _ in range(_ATTEMPTS - 1):
        places = keeper.patch()
        try:
            return await _patch_these(keeper, workshop, places)
        except SourceChanged as error:
            log.info("patch.again", distribution=keeper.name, reason=str(error))
            await keeper.look(keeper.concerned(f"{root}/{source}" for source in places))
    return await _patch_these(keeper, workshop, keeper.patch())


async def _patch_these(keeper: Keeper, workshop: Workshop, places: Mapping[str, tuple[str, ...]]) -> Update | None:
    tree = keeper.contents
    if not places:
        return None
    installed = installed_copy(keeper.env, keeper.distribution, keeper.copy)
    changes = {path: tree[source] for source, found in places.items() for path in found}
    root = keeper.distribution.root
    sources: Sources = {path: of_file(f"{root}/{source}") for source, found in places.items() for path in found}
    async with workshop.installing:
        delta = await _place(keeper, patched(installed, changes), sources, installed)
    if isinstance(delta, Refusal):
        log.info("patch.refused", distribution=keeper.name, reason=delta.reason)
        return None
    keeper.patched(places, tree)
    return Update(action=Action.PATCH, reason=f"in the wheel byte for byte: {name_some(places)}", delta=delta)


async def _place_wheel(keeper: Keeper, workshop: Workshop, archive: zipfile.ZipFile, wheel: Wheel) -> Delta | Refusal:
    installed = installed_copy(keeper.env, keeper.distribution, keeper.copy)
    wanting = partial(wanted_of_wheel, archive, wheel, installed, keeper.env)
    wanted = await to_thread.run_sync(wanting)
    async with workshop.installing:
        return await _place(keeper, wanted, of_wheel(archive, wheel), installed)


async def _place(keeper: Keeper, wanted: Wanted, sources: Sources, installed: Installed) -> Delta | Refusal:
    """Put the difference in place and verify it; what is not as planned goes to uv the next time."""
    delta = await place(keeper.env, installed, wanted, sources)
    if isinstance(delta, Delta):
        there = await to_thread.run_sync(keeper.placed, delta)
        wrong = _not_as_planned(delta, wanted.files, there)
        if wrong:
            keeper.distrusted = True
            raise CycleFailed(
                FailureKind.ENVIRONMENT,
                f"{name_some(wrong)} of {keeper.name} is not as it was put in place:"
                f" does another program change {keeper.env.prefix}?",
            )
        await _compile(keeper, (*delta.added, *delta.changed))
        if not keeper.site.store.keeps:
            await to_thread.run_sync(_leave_nothing, keeper.env.prefix / STATE)
    return delta


def _leave_nothing(state: Path) -> None:
    """Remove the directories that staging made, where nothing but the fresh environment is to be left."""
    for directory, _directories, _files in os.walk(state, topdown=False):
        with suppress(OSError):  # not empty: somebody else's
            Path(directory).rmdir()


def _not_as_planned(delta: Delta, wanted: Mapping[str, Content], there: Mapping[str, Content]) -> tuple[str, ...]:
    written = [path for path in (*delta.added, *delta.changed) if there.get(path) != wanted[path]]
    return (*written, *(path for path in delta.removed if path in there))


async def reinstall(keeper: Keeper, *, editable: bool, on_line: OnLine) -> Delta:
    """Have uv reinstall this distribution alone, verify what it left, and learn from it.

    Raises:
        CycleFailed: uv failed, or what is installed now is not whole.
    """
    keeper.require_buildable()
    site, snapshot = keeper.site, keeper.contents
    before, old = keeper.wheel_files(), mark(keeper.env, keeper.distribution)
    command = reinstall_command(
        site.uv,
        keeper.distribution,
        locked=keeper.name in locked(site.workspace.root),
        editable=editable,
        root=site.workspace.root,
        env=keeper.env,
        environ=site.environ,
    )
    # What an editable install needs of what its build left in the tree (extension modules) nobody here knows.
    async with nullcontext() if editable else tidied(keeper):
        try:
            await run_cached(
                command,
                timeout=site.config.build_timeout,
                on_line=on_line,
                safe_to_kill=partial(is_whole, keeper.env, keeper.distribution, keeper.copy),
                root=Path(keeper.distribution.root),
            )
        except CycleFailed as error:
            raise await with_obstacles(keeper, error) from error
    await _find_again(keeper)
    _verify(keeper, await keeper.read_installed(), old)
    keeper.distrusted = False
    after = keeper.wheel_files()
    scripts = await to_thread.run_sync(_scripts, keeper)
    await keeper.learn(after, snapshot, rewritten=scripts, moved=frozenset((await keeper.look()).paths))
    await _compile(keeper, after)  # uv removed the bytecode of what stayed the same, too
    return record.delta(before, after)


def _scripts(keeper: Keeper) -> frozenset[str]:
    """The installed scripts that uv made of entry points: no build's own making, so they bar no patch."""
    library, dist_info = site_of(keeper.env, keeper.distribution), keeper.distribution.dist_info
    try:
        text = (library / dist_info / "entry_points.txt").read_text("utf-8", "replace")
    except OSError:
        return frozenset()
    return scripts_of(text, keeper.env, dist_info, is_pure=library == keeper.env.purelib)


async def _find_again(keeper: Keeper) -> None:
    env = await to_thread.run_sync(open_environment, keeper.site.prefix)
    found = next((each for each in local_distributions(env) if each.name == keeper.name), None)
    if found is None:
        raise CycleFailed(FailureKind.ENVIRONMENT, f"{keeper.name} is not in {env.prefix} any more: run `uvwatch sync`")
    keeper.env, keeper.distribution = env, found


def _verify(keeper: Keeper, copy: InstalledCopy, old: object) -> None:
    """Hold what is installed against RECORD, byte for byte.

    Raises:
        CycleFailed: it is not what RECORD says, or uv left the old copy.
    """
    found = {path: copy.files[path].content.digest for path in copy.record if path in copy.files}
    wrong = [path for path, digest in found.items() if copy.record[path].digest not in ("", digest)]
    if not copy.whole or copy.missing or wrong:
        what = ", ".join((*copy.missing, *wrong)[:3]) or "RECORD"
        raise CycleFailed(
            FailureKind.ENVIRONMENT,
            f"after uv's reinstall {keeper.name} is not whole ({what}):"
            f" does another program change {keeper.env.prefix}?",
        )
    if old == mark(keeper.env, keeper.distribution):
        raise CycleFailed(FailureKind.UV, f"uv did not reinstall {keeper.name}: run `uv lock`, then `uvwatch sync`")


async def _compile(keeper: Keeper, paths: Iterable[str]) -> None:
    site = keeper.site
    if compiles_bytecode(site.config, site.workspace.root_pyproject, site.environ):
        library = site_of(keeper.env, keeper.distribution)
        modules = [str(library / path) for path in paths if path.endswith(".py") and not leads_out(path)]
        await compile_changed(str(keeper.env.python), modules, environ=site.environ)
