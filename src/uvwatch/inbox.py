"""What was hinted and not looked at yet: paths, the environment, or doubt about everything.

It knows absolute paths only; whether one matters is asked before it is put in.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import anyio

from uvwatch.core import settle

BUSY_POLL = 0.05
"""Seconds between two looks whether another program is still in the middle of something."""


MOST = 10_000
"""Paths beyond which everything is to be looked at: a hold may last for hours, and somebody write meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """What to look at.

    ``paths`` are absolute, of trees; ``installed`` too, of installed copies; ``environment`` is what is installed there
    at all, ``everything`` all there is.
    """

    paths: frozenset[str] = frozenset()
    installed: frozenset[str] = frozenset()
    environment: bool = False
    everything: bool = False


class Inbox:
    """Collects hints between two looks."""

    def __init__(self) -> None:
        self._paths: set[str] = set()
        self._installed: set[str] = set()
        self._environment = False
        self._everything = False
        self._filled = anyio.Event()
        self._more = anyio.Event()

    def put(self, paths: Iterable[str], *, installed: Iterable[str] = (), environment: bool = False) -> None:
        """Something happened at these paths of a tree, or of an installed copy, or in the environment."""
        self._paths.update(paths)
        self._installed.update(installed)
        self._environment = self._environment or environment
        if len(self._paths) + len(self._installed) > MOST:
            self._paths.clear()
            self._installed.clear()
            self._everything = True
        self._wake()

    def doubt(self) -> None:
        """Something may have been missed: everything is to be looked at."""
        self._everything = True
        self._wake()

    def nudge(self) -> None:
        """Nothing was seen, but whoever waits is to look up: somebody asked for something."""
        self._wake()

    @property
    def filled(self) -> bool:
        """Whether there is anything that was not looked at."""
        return bool(self._paths or self._installed or self._environment or self._everything)

    def take(self) -> Hints:
        """Empty the inbox."""
        hints = Hints(
            paths=frozenset(self._paths),
            installed=frozenset(self._installed),
            environment=self._environment,
            everything=self._everything,
        )
        self._paths.clear()
        self._installed.clear()
        self._environment = self._everything = False
        self._filled = anyio.Event()
        return hints

    async def wait(self) -> None:
        """Return as soon as there is anything in it."""
        await self._filled.wait()

    async def wait_for_more(self) -> None:
        """Return when something comes from now on."""
        self._more = anyio.Event()
        await self._more.wait()

    def _wake(self) -> None:
        self._filled.set()
        self._more.set()


async def until_quiet(
    inbox: Inbox,
    *,
    quiet: float,
    cap: float,
    busy: Callable[[], bool],
    hurry: Callable[[], bool] = lambda: False,
) -> bool:
    """Return once nothing came for ``quiet`` seconds and nobody is ``busy``, or ``cap`` seconds after the call.

    Who was busy and is not any more has just done something, whether or not a hint of it has come yet: the window opens
    anew. When there is ``hurry`` the window is over at once; who is busy is waited for all the same. A nudge of the
    inbox has it asked again.

    Returns:
        whether somebody is busy still.
    """
    burst = settle.begin(anyio.current_time(), quiet=quiet, cap=cap)
    held = False
    while True:
        now = anyio.current_time()
        wait = 0.0 if hurry() else burst.wait(now)
        if wait == 0.0:
            was_held, held = held, busy()
            if now >= burst.first + cap or not (held or was_held):
                return held
            if not held:
                burst = burst.touched(now)
                continue
        with anyio.move_on_after(wait or BUSY_POLL):
            await inbox.wait_for_more()
            burst = burst.touched(anyio.current_time())
