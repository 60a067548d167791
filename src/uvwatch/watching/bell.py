"""Wakes a thread when the kernel puts something into an inotify queue that somebody else reads.

It knows signals and descriptors. It must not know what is watched, and reads nothing.

watchfiles' own waiting is a look every few milliseconds, which is most of what an idle program costs. Its queue cannot
be polled beside it: whoever comes second finds it empty. A signal is sent whatever becomes of the event (``O_ASYNC``,
``F_SETOWN_EX`` in fcntl(2)), and to one thread alone, which has it blocked and asks for it: nobody is interrupted.
"""

import os
import signal
import struct
import threading
from typing import Protocol

_SET_OWNER = 15  # F_SETOWN_EX, which the fcntl module does not name
_ONE_THREAD = 0  # F_OWNER_TID


class Bell(Protocol):
    """What a waiting thread sleeps on."""

    def listen(self) -> bool:
        """Begin, in the thread that will wait; False if there is no such thing here."""

    def wait(self, seconds: float) -> None:
        """Sleep until it rings, or for so long; what rang since the last wait counts."""

    def ring(self) -> None:
        """From any thread: end the wait, if there is one."""

    def leave(self) -> None:
        """End, in the thread that listened."""


class QueueBell:
    """Rings when something happens on an inotify descriptor, which stays its owner's."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._listener: int | None = None
        self._lock = threading.Lock()

    def listen(self) -> bool:
        """As :class:`Bell`."""
        import fcntl  # noqa: PLC0415 - there is none on Windows, nor an inotify

        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGIO})
        try:
            fcntl.fcntl(self._descriptor, _SET_OWNER, struct.pack("ii", _ONE_THREAD, threading.get_native_id()))
            flags = fcntl.fcntl(self._descriptor, fcntl.F_GETFL)
            fcntl.fcntl(self._descriptor, fcntl.F_SETFL, flags | os.O_ASYNC)
        except OSError:
            return False
        with self._lock:
            self._listener = threading.get_ident()
        return True

    def wait(self, seconds: float) -> None:
        """As :class:`Bell`."""
        signal.sigtimedwait({signal.SIGIO}, seconds)

    def ring(self) -> None:
        """As :class:`Bell`."""
        with self._lock:
            if self._listener is not None:
                signal.pthread_kill(self._listener, signal.SIGIO)

    def leave(self) -> None:
        """As :class:`Bell`."""
        import fcntl  # noqa: PLC0415 - as above

        with self._lock:
            self._listener = None
        try:
            flags = fcntl.fcntl(self._descriptor, fcntl.F_GETFL)
            fcntl.fcntl(self._descriptor, fcntl.F_SETFL, flags & ~os.O_ASYNC)
        except OSError:
            return  # the signal stays blocked in this thread: it may still come, and would end the process
        # None comes any more; one that came and was not waited for must be gone before it is let through.
        while signal.sigtimedwait({signal.SIGIO}, 0) is not None:
            pass
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGIO})


class NoBell:
    """Where nothing rings: short sleeps, which a stop ends."""

    def __init__(self) -> None:
        self._rung = threading.Event()

    def listen(self) -> bool:
        """As :class:`Bell`."""
        return False

    def wait(self, seconds: float) -> None:
        """As :class:`Bell`."""
        self._rung.wait(seconds)

    def ring(self) -> None:
        """As :class:`Bell`; from then on no wait takes time, for it is a stop that rings."""
        self._rung.set()

    def leave(self) -> None:
        """As :class:`Bell`."""
