"""Where a daemon is met: the lock that makes it the only one of its environment, and the socket at which it answers.

Both are named by where the environment's path leads. That can be elsewhere from one moment to the next, where ``.venv``
is a symbolic link: whoever asks then asks there, so the daemon moves, and leaves the old place to others. It must not
know what the daemon does.
"""

from contextlib import ExitStack
from dataclasses import replace
from types import TracebackType

import anyio
import structlog
from anyio.abc import TaskGroup, TaskStatus

from uvwatch.installing.locks import Locks
from uvwatch.keeping.site import Site
from uvwatch.office import Office
from uvwatch.project.rendezvous import Rendezvous, rendezvous_in
from uvwatch.serving.server import serve

log = structlog.get_logger()


class Presence:
    """The daemon of one environment, for the length of a ``with``; it answers once it was opened."""

    _tasks: TaskGroup
    _office: Office
    _answering: anyio.CancelScope

    def __init__(self, site: Site) -> None:
        self._site = site
        self._held = ExitStack()

    def __enter__(self) -> "Presence":  # noqa: PYI034 - typing.Self is younger than Python 3.10
        """Be the daemon.

        Raises:
            AlreadyRunningError: another is.
        """
        self._held.enter_context(self._site.locks.instance())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._held.close()

    async def open(self, tasks: TaskGroup, office: Office) -> None:
        """Answer clients from now on, as long as the tasks run.

        Raises:
            Fatal: the socket cannot be opened.
        """
        self._tasks, self._office = tasks, office
        await tasks.start(self._answer, self._site.rendezvous)

    async def follow(self, site: Site) -> Site:
        """Move to where the environment's path leads now; the site, with its locks there if that is elsewhere.

        Who is connected to the old socket is hung up on.

        Raises:
            AlreadyRunningError: another daemon keeps the environment that it leads to.
            Fatal: as ``open``.
        """
        found = rendezvous_in(site.rendezvous.socket.parent, site.prefix)
        if found == site.rendezvous:
            return site
        moved = replace(site, rendezvous=found, locks=Locks(found))
        with ExitStack() as taking:
            taking.enter_context(moved.locks.instance())
            before = self._answering
            await self._tasks.start(self._answer, found)
            before.cancel()
            self._held.close()
            self._held = taking.pop_all()
        log.info("environment.leads_elsewhere", environment=str(site.prefix))
        return moved

    async def _answer(self, at: Rendezvous, *, task_status: TaskStatus[None]) -> None:
        with anyio.CancelScope() as self._answering:
            await serve(at.socket, self._office, task_status=task_status)
