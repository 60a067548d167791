"""What the watchers have to say, kept for one reader: hints in one heap, however long the reader is busy.

It knows absolute paths and reasons. It must not know watchers or trees.
"""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

import anyio


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """Something happened at these absolute paths: look at the directories that they lie in."""

    paths: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """Events were, or may have been, lost: nothing short of a full scan is the truth. ``reason`` is a clause."""

    reason: str


class Mailbox:
    """An async iterator of :class:`Hint` and :class:`Doubt` for one reader; it never ends by itself.

    What came while the reader was busy is one item, so that a burst takes no more memory than its paths, and beyond
    ``bound`` paths it is a doubt. A doubt stands for the hints that came with it.
    """

    def __init__(self, *, bound: int = 10_000) -> None:
        self._bound = bound
        self._paths: set[str] = set()
        self._reason = ""
        self._filled = anyio.Event()

    def hint(self, paths: Iterable[str]) -> None:
        """Something happened at these paths."""
        self._paths.update(paths)
        if len(self._paths) > self._bound:
            self._paths.clear()
            self.doubt(f"more than {self._bound} paths changed at once")
        elif self._paths:
            self._filled.set()

    def doubt(self, reason: str) -> None:
        """Events may have been lost; of several reasons the first is told."""
        self._reason = self._reason or reason
        self._filled.set()

    def __aiter__(self) -> AsyncIterator[Hint | Doubt]:
        return self

    async def __anext__(self) -> Hint | Doubt:
        """Wait for the next item; a cancelled wait loses nothing."""
        await self._filled.wait()
        self._filled = anyio.Event()
        paths, self._paths = frozenset(self._paths), set()
        reason, self._reason = self._reason, ""
        return Doubt(reason=reason) if reason else Hint(paths=paths)
