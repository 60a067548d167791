"""Files whose changes lead to updates that lead to their changes: found by counting, so that they can be suspended.

It knows which paths changed during which update. What follows from it is done elsewhere.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

LOOP = 6
"""How many updates in a row a file may change during, before it is taken for their consequence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """A file that changed during each of the last updates, ``every`` so many seconds."""

    path: str
    every: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Recent:
    """What changed during the last updates: the times, in seconds, of each path that did so without a break."""

    times: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    def after(self, paths: Iterable[str], now: float) -> "Recent":
        """Take in which paths changed during the update that has just ended; all others begin anew."""
        return Recent(times={path: (*self.times.get(path, ()), now) for path in paths})

    def loops(self) -> tuple[Loop, ...]:
        """The files that have changed too often, by path."""
        return tuple(
            Loop(path=path, every=(times[-1] - times[0]) / (len(times) - 1))
            for path, times in sorted(self.times.items())
            if len(times) >= LOOP
        )
