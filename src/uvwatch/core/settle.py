"""When a burst of changes is over: a quiet window, and a cap counted from the first change.

Times are seconds of any monotonic clock; ``now`` is always an argument. The cap is counted from the first change, not
from the last, or a program that never stops writing would put the update off for ever.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Settling:
    """A burst in progress: ``quiet`` and ``cap`` in seconds, ``first`` and ``last`` the times of its changes."""

    quiet: float
    cap: float
    first: float
    last: float

    def touched(self, now: float) -> "Settling":
        """Another change came."""
        return replace(self, last=max(self.last, now))

    def due(self) -> float:
        """When the update may start if nothing more comes."""
        return min(self.last + self.quiet, self.first + self.cap)

    def wait(self, now: float) -> float:
        """Seconds left until the update may start; 0 once it is due."""
        return max(0.0, self.due() - now)


def is_restless(changed: float, now: float, *, quiet: float) -> bool:
    """Whether a file changed within the quiet window that was thought to be over: its events are late, or lost.

    Both times are seconds of the wall clock, as file systems have it. A change in the future says nothing: it was
    stamped by another machine, whose clock is ahead.
    """
    return 0 <= now - changed < quiet


def begin(now: float, *, quiet: float, cap: float) -> Settling:
    """Open a burst at its first change."""
    return Settling(quiet=quiet, cap=cap, first=now, last=now)
