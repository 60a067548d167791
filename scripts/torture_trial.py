"""One round of ``scripts/torture watching``: its size, its project, and what was seen of it.

Knows how a step is judged: tree and copy equal, no failure, and no more updates than there may be. It knows no step.
"""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from torture_tree import Event, Place, Rest, Watched, watching

SETTLE = 0.3
"""The quiet window, in seconds: well above the pauses within a refill, even on a busy machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How hard it gets: counts, but for ``append``, ``creep``, ``ready`` and ``walk``, which are seconds.

    ``around`` directories lie about where ``arriving`` ones appear at once; ``passing`` directories come and go;
    ``modules`` directories lie in ``node_modules``, with five files each, and ``ready`` is how long it may take to be
    ready then, without the first update.
    """

    files: int
    refills: int
    nests: int
    arriving: int
    around: int
    passing: int
    append: float
    creep: float
    pages: int
    checkouts: int
    modules: int
    ready: float
    walk: float


DEFAULT = Size(
    files=240_000,
    refills=100,
    nests=200,
    arriving=1_000,
    around=5_000,
    passing=2_000,
    append=5.0,
    creep=30.0,
    pages=2_000,
    checkouts=50,
    modules=20_000,
    ready=2.0,
    walk=1200.0,
)
SMALL = Size(
    files=500,
    refills=3,
    nests=3,
    arriving=50,
    around=100,
    passing=100,
    append=2.0,
    creep=3.0,
    pages=30,
    checkouts=2,
    modules=100,
    ready=20.0,
    walk=4.0,
)


@dataclass(slots=True, kw_only=True)
class Trial:
    """One round under way: where, how hard, and what was seen; ``faults`` are sentences."""

    place: Place
    size: Size
    chance: random.Random
    patience: float
    updates: int = 0
    cycles: int = 0
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @contextmanager
    def daemon(
        self, settle: float = SETTLE, *, options: Sequence[str] = (), under: Sequence[str] = ()
    ) -> Iterator[tuple[Watched, Event]]:
        """Run the daemon and let it come to rest; see :func:`torture_tree.watching`."""
        running = watching(self.place, settle=settle, patience=self.patience, options=options, under=under)
        with running as (watched, ready):
            self._count("at start", watched.rest(self.place))
            self.updates = self.cycles = 0
            yield watched, ready

    def rest(self, watched: Watched, what: str, *, updates: range | None = None) -> Rest:
        """Wait for rest after a step, and note what is wrong; ``updates`` is how many there may have been."""
        rest = watched.rest(self.place)
        self._count(what, rest)
        self.faults += [f"{what}: failed: {message}" for message in rest.failures]
        if updates is not None and len(rest.updates) not in updates:
            told = [short(event) for event in rest.cycles]
            self.faults.append(f"{what}: {len(rest.updates)} updates instead of {words(updates)}: {told}")
        return rest

    def heal(self, watched: Watched, what: str) -> bool:
        """Wait for rest where failures on the way are no fault; return whether tree and copy are equal then."""
        rest = watched.rest(self.place)
        self._count(what, rest)
        return not rest.differences

    def _count(self, what: str, rest: Rest) -> None:
        self.updates += len(rest.updates)
        self.cycles += len(rest.cycles)
        self.faults += [f"{what}: {difference}" for difference in rest.differences[:5]]


def short(event: Event) -> str:
    """A cycle in a few words."""
    parts = [str(event["outcome"])]
    for result in event["distributions"]:
        counts = ", ".join(f"{len(result[key])} {key}" for key in ("added", "changed", "removed") if result[key])
        parts.append(f"{result['action']} ({counts or 'nothing'}; {result['reason'][:80]})")
    return " ".join(parts)


def words(updates: range) -> str:
    """A number of updates in words."""
    return " or ".join(str(count) for count in updates)
