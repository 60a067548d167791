"""Warnings about files that lie in the wrong place: in the installed copy only, or in the tree and not in the wheel.

Each is told once, and again when more of its kind came. It looks, and tells; it changes nothing.
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import structlog
from anyio import to_thread

from uvwatch.core.model import Event, Trigger, Warned, WarningCode
from uvwatch.core.plan import Learned, name_some
from uvwatch.keeping.carried import left_out
from uvwatch.keeping.keeper import Keeper
from uvwatch.project.foreign import Foreign, find_foreign

log = structlog.get_logger()


class Advice:
    """Remembers, for one run, what was told."""

    def __init__(self, publish: Callable[[Event], None]) -> None:
        self._publish = publish
        self._foreign: dict[str, frozenset[str]] = {}
        self._dropped: dict[str, frozenset[str]] = {}
        self._looked: dict[str, object] = {}

    async def tell(self, keepers: Iterable[Keeper], trigger: Trigger) -> None:
        """Warn of what is new since the last look.

        Args:
            keepers: whose copies and trees.
            trigger: what began the cycle, or the look: after a mere change of a tree nobody looks for foreign files,
                which come without an event; an audit finds them.
        """
        for keeper in keepers:
            origins = keeper.learned.origins if keeper.learned is not None else None
            if origins is not self._looked.get(keeper.name):
                self._looked[keeper.name] = origins
                await self._tell_dropped(keeper)
            if trigger is not Trigger.CHANGE:
                await self._tell_foreign(keeper)

    async def _tell_dropped(self, keeper: Keeper) -> None:
        told = self._dropped.get(keeper.name, frozenset())
        found = await to_thread.run_sync(left_out, keeper)
        for each in found:
            if each.what.path not in told:
                self._publish(
                    Warned(
                        code=WarningCode.ARTIFACT_DROPPED,
                        distribution=keeper.name,
                        message=each.sentence,
                        remedy=f"{each.carrying.sentence}; or name it in tool.uvwatch.ignore",
                    )
                )
        self._dropped[keeper.name] = frozenset(each.what.path for each in found)

    async def _tell_foreign(self, keeper: Keeper) -> None:
        told = self._foreign.get(keeper.name, frozenset())
        found = await to_thread.run_sync(find_foreign, keeper.env, keeper.distribution)
        new = [path for path in found.files if path not in told]
        if new:
            project = keeper.site.workspace.project
            first = first_on_path(keeper.distribution.root, keeper.learned, found, project)
            self._publish(
                Warned(
                    code=WarningCode.WRITTEN_TO_INSTALLED_COPY,
                    distribution=keeper.name,
                    message=foreign_sentence(keeper.name, found, new),
                    remedy=foreign_remedy(found, first),
                )
            )
        self._foreign[keeper.name] = frozenset(found.files)


def foreign_sentence(name: str, found: Foreign, new: Iterable[str]) -> str:
    """What is wrong: up to three files, the new ones first, and how many there are."""
    files = list(dict.fromkeys((*new, *found.files)))
    count = f"{len(files)} file{'s' if len(files) > 1 else ''}"
    shared = ", ".join(each.removesuffix(".dist-info") for each in found.sharing)
    beside = f"; {shared} installs into the same directory" if shared else ""
    return (
        f"{count} in the installed copy of {name} came from no installer ({name_some(files)}): a program that ran from"
        f" that copy wrote there, and no build will carry it{beside}"
    )


def foreign_remedy(found: Foreign, first: str) -> str:
    """What to do about it; ``first`` is the directory of the tree to import from."""
    return (
        f"run the command with the tree first on PYTHONPATH (PYTHONPATH={first}), or copy the files into the tree;"
        f" uvwatch leaves those in {found.site} alone"
    )


def first_on_path(root: str, learned: Learned | None, found: Foreign, project: Path) -> str:
    """The directory of a distribution's tree that its packages lie in, relative to the project."""
    rules = learned.origins.rules if learned is not None else ()
    tree = next((rule.tree for rule in rules if not rule.installed), None)
    if tree is None:
        top = found.files[0].partition("/")[0]
        tree = "src" if Path(root, "src", top).is_dir() else ""
    return os.path.relpath(Path(root, tree), project)
