"""Making sure that what the wheels carry is known, for questions that only the backend can answer.

It builds where the tree is another than at the last build. What is asked it does not know.
"""

from collections.abc import Iterable

import structlog

from uvwatch.errors import CycleFailed, Fatal
from uvwatch.keeping.keeper import Keeper
from uvwatch.keeping.updating import build
from uvwatch.keeping.workshop import Workshop

log = structlog.get_logger()


async def learn_all(keepers: Iterable[Keeper], workshop: Workshop) -> None:
    """Build what changed since it was last built; editable installs carry nothing.

    Raises:
        Fatal: a distribution that was never built cannot be; one that was is told of by the build before, with a
            warning in the log.
    """
    for keeper in keepers:
        if keeper.distribution.editable or (await keeper.judge()).complete:
            continue
        try:
            await build(keeper, workshop, lambda line: log.debug("build.output", line=line))
        except CycleFailed as error:
            if keeper.learned is None:
                raise Fatal(f"the build that would tell failed: {error}") from error
            log.warning("build.failed", distribution=keeper.name, reason=str(error), message="told by the build before")
        else:
            keeper.remember()
