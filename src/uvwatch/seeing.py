"""What a look finds, as a value for the daemon to decide by: changes of the trees, the settings and the installed side.

It asks a pipeline and changes nothing. What is to be done about it is not known here.
"""

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import anyio
from anyio import to_thread

from uvwatch.core.model import Batch, Trigger
from uvwatch.inbox import Hints
from uvwatch.pipeline import Pipeline


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is another than before.

    Attributes:
        batches: the changes of each tree that the look was for.
        later: those of the other trees, which wait.
        paths: what changed, relative to the project.
        elsewhere: whether the settings, or the installed side, are others: a matter of all distributions.
        seconds: how long it took.
    """

    batches: Mapping[str, Batch]
    later: Mapping[str, Batch]
    paths: tuple[str, ...]
    elsewhere: bool
    seconds: float


async def see(pipeline: Pipeline, hints: Hints, trigger: Trigger, only: Collection[str] | None) -> Seen:
    """Look at what was hinted; a barrier and an audit have the installed copies compared with the trees as well.

    Args:
        pipeline: whose trees.
        hints: where to look.
        trigger: why.
        only: the distributions that are meant, None for all.
    """
    began = anyio.current_time()
    found = await pipeline.look(hints)
    settings = pipeline.settings.changed()
    installed = (hints.environment or hints.everything) and await pipeline.environment_changed()
    if trigger in (Trigger.AUDIT, Trigger.SYNC):
        installed = installed or await pipeline.copies_changed(found)
    elif not installed and (hints.installed or hints.everything):
        named = None if hints.everything else hints.installed
        installed = await to_thread.run_sync(pipeline.guards.changed, named, anyio.current_time())
    batches = {name: batch for name, batch in found.items() if only is None or name in only}
    return Seen(
        batches=batches,
        later={name: batch for name, batch in found.items() if name not in batches},
        paths=tuple(dict.fromkeys((*_named(pipeline, batches), *settings))),
        elsewhere=bool(settings or installed),
        seconds=anyio.current_time() - began,
    )


def _named(pipeline: Pipeline, batches: Mapping[str, Batch]) -> tuple[str, ...]:
    """The changed paths, relative to the project where they lie in it."""
    project = pipeline.site.workspace.project
    roots = {keeper.name: Path(keeper.distribution.root) for keeper in pipeline.keepers.values()}
    return tuple(
        os.path.relpath(roots[name] / path, project) for name, batch in sorted(batches.items()) for path in batch.paths
    )
