"""Files whose changes lead to updates that lead to their changes: found by counting, so that they can be suspended.

It knows which paths changed during which update, and which installed files others changed how often. What follows from
it is done elsewhere.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

LOOP = 6
"""How many updates in a row a file may change during, before it is taken for their consequence."""

INSISTS = 3
"""How often an installed file that another program changed is put back at once..."""

INSISTS_WINDOW = 600.0
"""...within so many seconds; then it is the audit's."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Meddled:
    """When which installed files were found changed by another program: the last times, in seconds, by path."""

    times: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    def after(self, paths: Iterable[str], now: float) -> "Meddled":
        """Take in which were found so now; what is too long ago is forgotten."""
        found = {*paths}
        times = {
            path: tuple(when for when in self.times.get(path, ()) if when > now - INSISTS_WINDOW)
            for path in {*self.times, *found}
        }
        # One more than what decides, so that the moment at which a program begins to insist is told from later ones.
        later = {path: (*whens, now)[-INSISTS - 2 :] if path in found else whens for path, whens in times.items()}
        return Meddled(times={path: whens for path, whens in later.items() if whens})

    def insists(self, path: str) -> bool:
        """Whether it was put back often enough."""
        return len(self.times.get(path, ())) > INSISTS

    def begins(self, path: str) -> bool:
        """Whether it has just been found so for the first time that it is not put back."""
        return len(self.times.get(path, ())) == INSISTS + 1
