"""Answers for clients: their questions become wishes at the desk, what happens becomes public JSON.

It knows the desk and the hub. It must not know sockets, nor how the daemon works.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager

from uvwatch.core.model import CycleFinished, HoldStarted
from uvwatch.desk import Desk, Hold
from uvwatch.errors import Fatal
from uvwatch.serving.hub import Hub, Told, told
from uvwatch.serving.jsonlines import Object
from uvwatch.serving.protocol import Question
from uvwatch.serving.report import utc_now
from uvwatch.serving.status import Status, status_object


class Office:
    """What a socket needs to know of a daemon.

    Args:
        desk: takes wishes.
        hub: tells events.
        status: what the daemon does now.
        stop: begins to end it.
    """

    def __init__(self, desk: Desk, hub: Hub, *, status: Callable[[], Status], stop: Callable[[], None]) -> None:
        self._desk = desk
        self._hub = hub
        self._status = status
        self._stop = stop

    def status(self, *, text: bool) -> Object:
        """Say what the daemon does."""
        answer = status_object(self._status())
        if text and self._hub.last is not None:
            answer["last"] = self._hub.last.with_text()
        return answer

    def stop(self) -> None:
        """Begin to end the daemon."""
        self._stop()

    async def sync(self, question: Question) -> AsyncGenerator[Object, None]:
        """Run a barrier; begins and the end of the cycle that it leads to.

        Raises:
            Fatal: what is wished cannot be.
        """
        with self._desk.ask(question.wishes) as answers:
            async for answer in answers:
                if isinstance(answer, Fatal):
                    raise answer
                yield _object(told(answer, utc_now()), question)
                if isinstance(answer, CycleFinished):
                    return

    async def events(self, question: Question) -> AsyncGenerator[Object, None]:
        """Follow what happens, the last cycle first; with ``last`` no further than the end of a cycle."""
        with self._hub.listening() as events:
            async for said in events:
                finished = isinstance(said.event, CycleFinished)
                if finished or not question.last:
                    yield _object(said, question)
                if finished and question.last:
                    return

    @asynccontextmanager
    async def hold(self, question: Question, pid: int | None) -> AsyncIterator[Object]:
        """Hold updates for the length of the context."""
        async with self._desk.hold(Hold(pid=pid, command=question.command)):
            yield _object(told(HoldStarted(command=question.command), utc_now()), question)


def _object(said: Told, question: Question) -> Object:
    return said.with_text() if question.text else said.object
