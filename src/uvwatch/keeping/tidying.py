"""Keeping a tree clean of what builds leave in it: before a build, so that nothing old is in the wheel, and after it.

It knows which build is about to happen to which tree; what is a leaving, and how it is taken away, ``leftovers`` knows.
"""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import structlog
from anyio import CancelScope, to_thread

from uvwatch.core.building import build_system, by_setuptools
from uvwatch.core.model import Warned, WarningCode
from uvwatch.core.patterns import decide
from uvwatch.core.plan import concerns_compiler, name_some
from uvwatch.installing import leftovers
from uvwatch.keeping.keeper import Keeper
from uvwatch.keeping.site import STATE
from uvwatch.project.pyproject import read_if_there

log = structlog.get_logger()


@asynccontextmanager
async def tidied(keeper: Keeper) -> AsyncIterator[None]:
    """Have a build run in the body find nothing that an earlier one left, and leave nothing."""
    await to_thread.run_sync(_purge, keeper)
    before = await to_thread.run_sync(leftovers.names, keeper.distribution.root)
    try:
        yield
    finally:
        with CancelScope(shield=True):
            await to_thread.run_sync(_clean, keeper, before)


def leftover_warning(name: str, purged: Collection[str], wheel: Collection[str]) -> Warned | None:
    """Say what would have come back in the wheel of this distribution, if anything would.

    Args:
        name: of the distribution.
        purged: what was taken out of ``build/lib`` before the build.
        wheel: what the wheel holds.
    """
    back = [path for path in purged if path not in wheel]
    if not back:
        return None
    return Warned(
        code=WarningCode.LEFTOVER_BUILD,
        distribution=name,
        message=f"build/ of {name} held files that are not in the wheel any more ({name_some(back)}):"
        " setuptools would have brought them back, so they were removed from there",
        remedy="nothing is to be done for uvwatch; a plain `uv sync` or `uv build` leaves build/ behind again,"
        " so remove it before",
    )


def _purge(keeper: Keeper) -> None:
    root = keeper.distribution.root
    if by_setuptools(build_system(read_if_there(Path(root, "pyproject.toml")) or {})):
        compiled = concerns_compiler(keeper.learned, keeper.contents)
        purged = leftovers.purge(root, compiled=compiled, keep=partial(_is_artifact, keeper))
        leftovers.forget_file_lists(root)
        keeper.purged = tuple(sorted({*keeper.purged, *purged}))


def _clean(keeper: Keeper, before: frozenset[str]) -> None:
    """Take away what the build left in the tree.

    What comes meanwhile may be somebody else's: a declared artifact its generator's, and outside of the packages, where
    it does not come into a wheel, a database or an upload. A compiler keeps there what spares the next build its time.
    """
    if not (keeper.site.prefix / "pyvenv.cfg").exists():
        return  # nothing is created in place of an environment that vanished
    cleanup = leftovers.remove(
        keeper.distribution.root,
        before,
        keeper.site.prefix / STATE / "left-by-builds" / keeper.name,
        keep=lambda path: _is_artifact(keeper, path) or not keeper.is_in_package(path),
    )
    if cleanup:
        log.info("build.leftovers", distribution=keeper.name, deleted=cleanup.deleted, moved=cleanup.moved)


def _is_artifact(keeper: Keeper, path: str) -> bool:
    return decide(keeper.artifact_patterns, path).include is True
