"""Strains what watches: bursts, refills, nested directories, git, editors, odd names, many directories.

Each round has a project and a daemon of its own, without audits, so that only events can tell it anything; each step
ends with the tree and the installed copy compared byte for byte. Exit status: 0 all was well, 1 it was not.
"""

import argparse
import os
import random
import secrets
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from torture_tree import (
    EDITORS,
    NAME,
    Event,
    Place,
    Rest,
    TortureError,
    Watched,
    clear,
    fill,
    make,
    memory,
    watches_of,
    watching,
    write,
)

SETTLE = 0.3
"""The quiet window, in seconds: well above the pauses within a refill, even on a busy machine."""
APPEND_EVERY = 0.05
APPEND_SETTLE = 0.2
WATCHES = 150
"""A package of fifty directories may cost so many, whatever lies beside it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How hard it gets: counts, and ``append`` in seconds."""

    files: int
    rounds: int
    append: float
    pages: int
    directories: int


NORMAL = Size(files=20_000, rounds=20, append=5.0, pages=300, directories=2_000)
FULL = Size(files=240_000, rounds=50, append=5.0, pages=2_000, directories=20_000)
SMALL = Size(files=500, rounds=3, append=2.0, pages=30, directories=100)


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
    def daemon(self, settle: float = SETTLE) -> Iterator[tuple[Watched, Event]]:
        """Run the daemon and let it come to rest."""
        with watching(self.place, settle=settle, patience=self.patience) as (watched, ready):
            self._count("at start", watched.rest(self.place))
            self.updates = self.cycles = 0
            yield watched, ready

    def rest(self, watched: Watched, what: str, *, updates: range | None = None) -> Rest:
        """Wait for rest after a step, and note what is wrong; ``updates`` is how many there may have been."""
        rest = watched.rest(self.place)
        self._count(what, rest)
        self.faults += [f"{what}: failed: {message}" for message in rest.failures]
        if updates is not None and len(rest.updates) not in updates:
            told = [_short(event) for event in rest.cycles]
            self.faults.append(f"{what}: {len(rest.updates)} updates instead of {_words(updates)}: {told}")
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


def burst(trial: Trial) -> None:
    """Write many files as fast as the disk takes them."""
    with trial.daemon() as (watched, _):
        began = time.monotonic()
        fill(trial.place.static, trial.size.files, "burst")
        wrote = time.monotonic()
        took = [f"{event['duration_ms'] / 1000:.1f} s" for event in trial.rest(watched, "burst").updates]
        trial.notes.append(
            f"{trial.size.files} files, written in {wrote - began:.1f} s,"
            f" at rest {time.monotonic() - wrote - watched.calm:.1f} s later"
            f" (updates of {', '.join(took)}), {memory(watched.process.pid)} MB"
        )


def refill(trial: Trial) -> None:
    """Remove the generated files and write them again, other ones of the same names, over and over."""
    count = 200
    static = trial.place.static
    with trial.daemon() as (watched, _):
        fill(static, count, "before")
        trial.rest(watched, "the first filling")
        trial.updates = trial.cycles = 0
        for number in range(trial.size.rounds):
            what = f"refill {number}"
            clear(static, keep=trial.chance.random() < 0.3)  # noqa: PLR2004 - mostly by rm -rf of the root itself
            time.sleep(trial.chance.choice((0.0, 0.05, SETTLE, 3 * SETTLE)) * trial.chance.random())
            pauses = [trial.chance.uniform(0, SETTLE / 5) for _ in range(count // 10)]
            longest = fill(static, count, what, pauses)
            if longest > SETTLE * 0.75:
                # The machine was too busy for the writer itself: a half was left lying, and may have been taken.
                trial.notes.append(f"{what} had a gap of {longest:.2f} s and is not counted")
                trial.heal(watched, what)
                continue
            for event in trial.rest(watched, what, updates=range(1, 2)).updates:
                (result,) = event["distributions"]
                if result["added"] or result["removed"] or len(result["changed"]) != count:
                    trial.faults.append(f"{what}: a half was installed: {_short(event)}")


def nested(trial: Trial) -> None:
    """Make directories in directories and files in all of them at once, below what is watched."""
    with trial.daemon() as (watched, _):
        for number in range(trial.size.rounds):
            above = trial.chance.choice((trial.place.static, trial.place.package))
            top = above / f"round{number}"
            names = [f"{'/'.join('abcd'[: each % 5])}/{each}.css" for each in range(20)]
            deepest = top / "a" / "b" / "c" / "d"
            deepest.mkdir(parents=True)
            for name in names:
                (top / name.lstrip("/")).write_text(name, encoding="utf-8")
            trial.rest(watched, f"nested {number}", updates=range(1, 3))


def append(trial: Trial) -> None:
    """Write to one file again and again, at pauses that are shorter than the quiet window: one update, at the end."""
    path = trial.place.static / "log.css"
    write(path, "begin\n")
    with trial.daemon(APPEND_SETTLE) as (watched, _):
        for _attempt in range(5):
            longest = _append(path, trial.size.append)
            if longest < APPEND_SETTLE * 0.75:
                trial.rest(watched, "append", updates=range(1, 2))
                return
            # The machine was too busy for the writer itself; what the daemon made of that proves nothing.
            trial.heal(watched, "append")
        trial.faults.append(f"append: the machine is too busy, {longest:.2f} s between two writes")


def _append(path: Path, seconds: float) -> float:
    """Append for so many seconds; return the longest time between two writes."""
    longest = 0.0
    begin = last = time.monotonic()
    while last < begin + seconds:
        with path.open("a", encoding="utf-8") as stream:
            stream.write("a {}\n")
        time.sleep(APPEND_EVERY)
        now = time.monotonic()
        longest, last = max(longest, now - last), now
    return longest


def git(trial: Trial) -> None:
    """Let git, then editors, change files that it tracks: one update a checkout, a stash, a pop, a save."""
    place, pages = trial.place, trial.size.pages
    place.git("checkout", "--quiet", "-b", "other")
    for number in range(pages):
        write(place.package / f"page{number}.html", f"{number} other\n")
    write(place.package / "more" / "new.html", "new\n")
    place.git("add", "--all")
    place.git("commit", "--quiet", "--message", "other")
    with trial.daemon() as (watched, _):
        for branch in ("main", "other", "main"):
            place.git("checkout", "--quiet", branch)
            trial.rest(watched, f"git checkout {branch}", updates=range(1, 2))
        for number in range(pages):
            write(place.package / f"page{number}.html", f"{number} edited\n")
        trial.rest(watched, "edits")
        for words in (("stash", "--quiet"), ("stash", "pop", "--quiet")):
            place.git(*words)
            trial.rest(watched, f"git {' '.join(words)}", updates=range(1, 2))
        for name, save in EDITORS.items():
            _save(trial, watched, name, save)


def _save(trial: Trial, watched: Watched, name: str, save: Callable[[Path, str], None]) -> None:
    page = trial.place.package / "page0.html"
    save(page, f"saved by {name}\n")
    rest = trial.rest(watched, name, updates=range(1, 2))
    for event in rest.updates:
        (result,) = event["distributions"]
        if (result["added"], result["changed"], result["removed"]) != ([], [f"{NAME}/{page.name}"], []):
            trial.faults.append(f"{name}: more than the file was installed: {_short(event)}")
    if len(rest.cycles) != 1:
        trial.faults.append(f"{name}: {len(rest.cycles)} cycles for one save: {[_short(each) for each in rest.cycles]}")


def odd(trial: Trial) -> None:
    """Put what no wheel may hold among the generated files: it is named, nothing dies, and all is well once it is gone.

    What a wheel may hold, however odd, is installed.
    """
    place = trial.place
    with trial.daemon() as (watched, _):
        for number, (name, kind) in enumerate(ODD.items()):
            path = Path(os.fsdecode(os.fsencode(place.static) + b"/" + kind.name))
            kind.make(path)
            write(place.static / f"beside{number}.css", name)
            if kind.fits:
                trial.rest(watched, name)
                path.unlink()
                trial.rest(watched, f"{name} is gone")
                continue
            rest = watched.rest(place, equal=False)
            trial.faults += [f"{name}: {difference}" for difference in rest.differences]
            if not any(kind.told in message for message in rest.failures):
                trial.faults.append(f"{name}: not reported by its name; failures: {rest.failures}")
            path.unlink()
            if not trial.heal(watched, f"{name} is gone"):
                return
        write(place.static / "after.css", "after")
        trial.rest(watched, "a save after all of it", updates=range(1, 2))


@dataclass(frozen=True, slots=True, kw_only=True)
class Odd:
    """A thing of which a wheel may hold the name or not; ``told`` is a part of the name that a report has."""

    name: bytes
    make: Callable[[Path], None]
    told: str = ""
    fits: bool = False


def _touch(path: Path) -> None:
    path.write_bytes(b"odd\n")


def _socket(path: Path) -> None:
    # The name of a socket may have 107 bytes only, so it is bound by a short one.
    here = Path.cwd()
    os.chdir(path.parent)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(path.name)
    os.chdir(here)


ODD: Mapping[str, Odd] = {
    "quotes in a name": Odd(name=b"a\"b'c.css", make=_touch, fits=True),
    "a name in UTF-8 with a comma and a space": Odd(name="caf\u00e9, cr\u00e8me.css".encode(), make=_touch, fits=True),
    "a link to its own parent": Odd(name=b"loop", make=lambda path: path.symlink_to("."), fits=True),
    "a Latin-1 name": Odd(name=b"caf\xe9.css", make=_touch, told="caf"),
    "a newline in a name": Odd(name=b"new\nline.css", make=_touch, told="line.css"),
    "a FIFO": Odd(name=b"fifo.css", make=os.mkfifo, told="fifo.css"),
    "a socket": Odd(name=b"socket.css", make=_socket, told="socket.css"),
}


def modules(trial: Trial) -> None:
    """Put ``node_modules`` beside a package of fifty directories: what cannot matter costs no watch."""
    place = trial.place
    for number in range(50):
        write(place.package / f"sub{number}" / "page.html", "first\n")
    beside = place.root / "node_modules"
    for number in range(trial.size.directories // 2):
        write(beside / f"module{number}" / "lib" / "index.js", "x\n")
    with trial.daemon() as (watched, ready):
        watches = watches_of(int(ready["pid"]))
        if not 0 < watches < WATCHES:
            trial.faults.append(f"modules: {watches} watches")
        fill(beside / "later", 200, "later")
        if (rest := trial.rest(watched, "files in node_modules")).cycles:
            trial.faults.append(f"modules: cycles for node_modules: {[_short(each) for each in rest.cycles]}")
        write(place.package / "sub7" / "page.html", "second\n")
        trial.rest(watched, "a page", updates=range(1, 2))
        trial.notes.append(
            f"{trial.size.directories} directories beside 50: {watches} watches, {memory(int(ready['pid']))} MB"
        )


ROUNDS: Mapping[str, Callable[[Trial], None]] = {
    each.__name__: each for each in (burst, refill, nested, append, git, odd, modules)
}


def _short(event: Event) -> str:
    """A cycle in a few words."""
    parts = [str(event["outcome"])]
    for result in event["distributions"]:
        counts = ", ".join(f"{len(result[key])} {key}" for key in ("added", "changed", "removed") if result[key])
        parts.append(f"{result['action']} ({counts or 'nothing'}; {result['reason'][:80]})")
    return " ".join(parts)


def _words(updates: range) -> str:
    return " or ".join(str(count) for count in updates)


def run(name: str, home: Path, size: Size, seed: int, patience: float) -> bool:
    """Run one round, print what was seen, and return whether all was well."""
    began = time.monotonic()
    place = make(home / name, size.pages)
    trial = Trial(place=place, size=size, chance=random.Random(f"{seed} {name}"), patience=patience)  # noqa: S311
    try:
        ROUNDS[name](trial)
    except TortureError as error:
        trial.faults.append(str(error))
    seen = [f"{trial.updates} updates in {trial.cycles} cycles", *trial.notes, f"{time.monotonic() - began:.0f} s"]
    print(f"{name}: {'FAILED' if trial.faults else 'ok'}: {'; '.join(seen)}")
    for fault in trial.faults:
        print(f"  {fault}")
    return not trial.faults


def arguments(argv: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="scripts/torture watching", description=__doc__)
    parser.add_argument("rounds", nargs="*", metavar="ROUND", help=f"of {', '.join(ROUNDS)}; all if none is named")
    sizes = parser.add_mutually_exclusive_group()
    sizes.add_argument("--full", action="store_true", help=f"{FULL.files} files, {FULL.directories} directories")
    sizes.add_argument("--small", action="store_true", help="seconds a round")
    parser.add_argument("--files", type=int, help="in the burst")
    parser.add_argument("--repeat", type=int, help="how often to refill, and to nest")
    parser.add_argument("--directories", type=int, help="in node_modules")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument("--home", type=Path, help="an empty directory to work in and leave; a temporary one else")
    given = parser.parse_args(argv)
    if unknown := set(given.rounds).difference(ROUNDS):
        parser.error(f"no such round: {', '.join(sorted(unknown))}")
    return given


def main(argv: list[str]) -> int:
    """Run the rounds that were asked for."""
    given = arguments(argv)
    base = FULL if given.full else SMALL if given.small else NORMAL
    size = Size(
        files=given.files or base.files,
        rounds=given.repeat or base.rounds,
        append=base.append,
        pages=base.pages,
        directories=given.directories or base.directories,
    )
    patience = 8.0 if given.small else 60.0 + size.files / 500
    print(f"seed {given.seed}")
    well = True
    with tempfile.TemporaryDirectory(prefix="uvwatch-torture-") as temporary:
        home = (given.home or Path(temporary)).resolve()
        for name in given.rounds or ROUNDS:
            well = run(name, home, size, given.seed, patience) and well
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
