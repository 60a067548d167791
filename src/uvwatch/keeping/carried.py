"""What a distribution's wheel ought to carry and does not, each with what its build backend has to be told.

It brings together what the keeper learned, git's opinion and the backend's settings, read only. Whom to tell, and when,
is not known here.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from uvwatch.core.dropped import Dropped, dropped
from uvwatch.core.plan import Learned
from uvwatch.keeping.keeper import Keeper
from uvwatch.project.carrying import HATCH, PYPROJECT, Carrying, Wanted, backend_of, carrying
from uvwatch.project.pyproject import BrokenPyproject, read_if_there
from uvwatch.watching.ignores import GitIgnores


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Generated files that the last wheel lacks, the ``backend`` that left them out, and how to have them taken up."""

    what: Dropped
    backend: str
    carrying: Carrying

    @property
    def sentence(self) -> str:
        """What is wrong."""
        count = len(self.what.files)
        holds = f"{self.what.path} ({count} file{'s' if count > 1 else ''})"
        why = f"{self.what.key} names it" if self.what.key else "git ignores it"
        return f"{holds} is left out of the wheel by the build backend, {self.backend}: {why}"


def left_out(keeper: Keeper) -> tuple[LeftOut, ...]:
    """What the last build left out; nothing before the first build, for editable installs, and of broken settings."""
    if keeper.learned is None or keeper.distribution.editable:
        return ()
    ignores = GitIgnores(keeper.distribution.root)
    found = dropped(keeper.learned, keeper.rules, ignored=partial(_ignored, ignores))
    root = Path(keeper.distribution.root)
    try:
        settings = read_if_there(root / PYPROJECT) if found else None
        if settings is None:
            return ()
        of_hatch = read_if_there(root / HATCH)
    except BrokenPyproject:
        return ()  # the cycle says so
    return tuple(
        LeftOut(
            what=each,
            backend=backend_of(settings),
            carrying=carrying(settings, _wanted(keeper.learned, each), hatch_toml=of_hatch),
        )
        for each in found
    )


def _wanted(learned: Learned, what: Dropped) -> Wanted:
    place = what.place or what.path
    parts = place.split("/")
    above = ["/".join(parts[:number]) for number in range(len(parts) - 1, 0, -1)]
    package = next((each for each in above if f"{each}/__init__.py" in learned.wheel), "")
    return Wanted(
        path=what.path,
        is_directory=what.is_directory,
        place=place,
        package=package.replace("/", "."),
        packages=tuple(sorted(filter(None, learned.origins.packages()))),
    )


def _ignored(ignores: GitIgnores, path: str) -> bool:
    directory, _, name = path.rstrip("/").rpartition("/")
    return ignores.ignored(directory, name + "/" if path.endswith("/") else name)
