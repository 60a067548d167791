"""Events for whoever listens: the last cycle and all that follows, to each at its own pace, up to a bound.

It knows events and how they are told. It must not know sockets; who does not keep up loses the connection, never an
event in the middle.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from uvwatch.core.model import CycleFinished, CycleStarted, Event, Outcome, Warned
from uvwatch.serving.jsonlines import Object, event_object
from uvwatch.serving.lines import lines_of, output_tail

BACKLOG = 1000
"""Events that a listener may be behind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An event with its public object, made once for all who hear of it."""

    event: Event
    object: Object

    def with_text(self) -> Object:
        """The object with what people read of it: lines for stdout as head, tail and tone, and lines for stderr."""
        lines = [[line.head, line.tail, line.tone.value] for line in lines_of(self.event)]
        return {**self.object, "text": {"lines": lines, "errors": _errors(self.event)}}


def _errors(event: Event) -> list[str]:
    match event:
        case CycleFinished():
            return [line for result in event.results if result.error for line in output_tail(result.error.output)]
        case Warned():
            about = f" of {event.distribution}" if event.distribution else ""
            return [f"warning {event.code.value}{about}: {event.message}; {event.remedy}"]
        case _:
            return []


def told(event: Event, time: datetime) -> Told:
    """Tell an event as of a time."""
    return Told(event=event, object=event_object(event, time))


Listener = MemoryObjectReceiveStream[Told]


class Hub:
    """Where the daemon's events go besides stdout.

    Attributes:
        last: the last finished cycle, None before the first.
        failed: the last one that failed, if none succeeded since.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.last: Told | None = None
        self.failed: Told | None = None
        self._clock = clock
        # The last finished cycle with its begin, and the begin of the one that runs.
        self._recent: list[Told] = []
        self._listeners: set[MemoryObjectSendStream[Told]] = set()
        self._gone = anyio.Event()
        self._ended = False

    def publish(self, event: Event) -> None:
        """Tell all who listen; one who is too far behind is dropped."""
        said = told(event, self._clock())
        self._keep(said)
        for listener in tuple(self._listeners):
            self._pass_on(said, listener)

    def _pass_on(self, said: Told, listener: MemoryObjectSendStream[Told]) -> None:
        try:
            listener.send_nowait(said)
        except (anyio.WouldBlock, anyio.BrokenResourceError):
            self._drop(listener)

    def _keep(self, said: Told) -> None:
        match said.event:
            case CycleStarted():
                self._recent = [*self._recent[-2:], said]
            case CycleFinished():
                self._recent = [*self._recent[-1:], said]
                self.last = said
                self.failed = said if said.event.outcome is Outcome.FAILED else None
            case _:
                pass

    @contextmanager
    def listening(self) -> Iterator[Listener]:
        """Hear of the last cycle, and of everything from now on; the stream ends after the daemon's last event."""
        send, receive = anyio.create_memory_object_stream[Told](BACKLOG)
        for said in self._recent:
            send.send_nowait(said)
        if self._ended:
            send.close()
        else:
            self._listeners.add(send)
        self._gone = anyio.Event()
        try:
            yield receive
        finally:
            self._drop(send)
            receive.close()
            if not self._listeners:
                self._gone.set()

    def _drop(self, listener: MemoryObjectSendStream[Any]) -> None:
        self._listeners.discard(listener)
        listener.close()

    async def end(self, patience: float) -> None:
        """No event comes any more: wait until all have heard of the last, so many seconds at the most."""
        self._ended = True
        waited = bool(self._listeners)
        for listener in tuple(self._listeners):
            listener.close()
        if waited:
            with anyio.move_on_after(patience):
                await self._gone.wait()
