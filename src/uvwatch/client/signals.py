"""How a command that waits for a daemon is stopped: by SIGINT, SIGTERM or SIGHUP, which end it where it waits.

For a program without an event loop; ``uvwatch.signals`` is for one that has one.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class _Stopped(BaseException):
    """As KeyboardInterrupt, for each of the signals: nothing on the way may take it for an error."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@contextmanager
def ended_by_signals(*, status: int | None = None) -> Iterator[None]:
    """Have the signals end the program while the body runs; a SIGHUP that was ignored stays so (``nohup``).

    Args:
        status: the exit status, by default 128 and the signal's number, as shells have it.
    """
    wanted = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        wanted.append(signal.SIGHUP)
    before = {number: signal.signal(number, _raise) for number in wanted}
    try:
        yield
    except _Stopped as stopped:
        raise SystemExit(128 + stopped.number if status is None else status) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _raise(number: int, _frame: FrameType | None) -> None:
    raise _Stopped(number)
