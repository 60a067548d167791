"""Rounds of what generators, git and editors do to a tree: bursts, refills, nested directories, appends, checkouts."""

import time
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path

from torture_proc import memory
from torture_tree import NAME, Watched
from torture_trial import SETTLE, Trial, short
from torture_writers import EDITORS, clear, fill, write

APPEND_EVERY = 0.05
APPEND_SETTLE = 0.2
MOST = 3
"""Updates while something is written for three times ``settle-max``."""
SETTLE_MAX = 10.0
"""Seconds after which an update begins though the writing goes on: the default of uvwatch."""
OVERFLOWS = 100_000
"""A burst of so many files overflows the kernel's queue of events (16,384 of them)."""


def burst(trial: Trial) -> None:
    """Write many files as fast as the disk takes them."""
    with trial.daemon() as (watched, _):
        began = time.monotonic()
        longest = fill(trial.place.static, trial.size.files, "burst")
        wrote = time.monotonic()
        most = 1 + int((wrote - began) / SETTLE_MAX)
        # Where the machine was too busy for the writer itself, the daemon may have taken a pause for the end.
        wanted = range(1, most + 1) if longest < SETTLE * 0.75 else None
        rest = trial.rest(watched, "burst", updates=wanted)
        took = [f"{event['duration_ms'] / 1000:.1f} s" for event in rest.updates]
        doubts = watched.said().count("watch.doubt")
        if trial.size.files > OVERFLOWS and not doubts:
            trial.faults.append("burst: no event was lost, or none was missed: nothing in the log says watch.doubt")
        trial.notes.append(
            f"{trial.size.files} files, {doubts} doubts, written in {wrote - began:.1f} s,"
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
        trial.notes.append(f"{trial.size.refills} times {count} files")
        for number in range(trial.size.refills):
            what = f"refill {number}"
            cleared = clear(static, keep=trial.chance.random() < 0.3)  # noqa: PLR2004 - mostly by rm -rf of the root
            time.sleep(trial.chance.choice((0.0, 0.05, SETTLE, 3 * SETTLE)) * trial.chance.random())
            pauses = [trial.chance.uniform(0, SETTLE / 5) for _ in range(count // 10)]
            longest = max(cleared, fill(static, count, what, pauses))
            if longest > SETTLE * 0.75:
                # The machine was too busy for the writer itself: a half was left lying, and may have been taken.
                trial.notes.append(f"{what} had a gap of {longest:.2f} s and is not counted")
                trial.heal(watched, what)
                continue
            for event in trial.rest(watched, what, updates=range(1, 2)).updates:
                (result,) = event["distributions"]
                if result["added"] or result["removed"] or len(result["changed"]) != count:
                    trial.faults.append(f"{what}: a half was installed: {short(event)}")


def nested(trial: Trial) -> None:
    """Make directories in directories and files in all of them at once, below what is watched."""
    with trial.daemon() as (watched, _):
        trial.notes.append(f"{trial.size.nests} times 20 files in 5 directories")
        for number in range(trial.size.nests):
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
            ended = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
            if longest < APPEND_SETTLE * 0.75:
                trial.notes.append(f"written for {trial.size.append:g} s, at pauses of {longest:.2f} s at the most")
                rest = trial.rest(watched, "append", updates=range(1, 2))
                if any(event["event"] == "cycle.started" and event["time"] < ended[:23] for event in rest.events):
                    trial.faults.append(f"append: an update began before the last write, at {ended}: {rest.events}")
                return
            # The machine was too busy for the writer itself; what the daemon made of that proves nothing.
            trial.heal(watched, "append")
        trial.faults.append(f"append: the machine is too busy, {longest:.2f} s between two writes")


def creep(trial: Trial) -> None:
    """Never stop writing: ``settle-max`` (a third of the time) has it installed all the same, and no oftener."""
    path = trial.place.static / "log.css"
    write(path, "begin\n")
    cap = trial.size.creep / MOST
    with trial.daemon(APPEND_SETTLE, options=("--settle-max", str(cap))) as (watched, _):
        longest = _append(path, trial.size.creep)
        rest = trial.rest(watched, "creep")
        trial.notes.append(f"written for {trial.size.creep:g} s, at pauses of {longest:.2f} s at the most")
        if len(rest.updates) > MOST:
            trial.faults.append(f"creep: {len(rest.updates)} updates, and not {MOST} at the most")
        if longest < APPEND_SETTLE and len(rest.updates) < MOST - 1:
            trial.faults.append(f"creep: {len(rest.updates)} updates: settle-max is not heeded")


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
        trial.notes.append(f"{trial.size.checkouts} checkouts of {pages + 1} files, a stash, {len(EDITORS)} editors")
        for number in range(trial.size.checkouts + 1):
            branch = ("main", "other")[number % 2]
            place.git("checkout", "--quiet", branch)
            trial.rest(watched, f"git checkout {branch}, the {number}.", updates=range(1, 2))
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
            trial.faults.append(f"{name}: more than the file was installed: {short(event)}")
    if len(rest.cycles) != 1:
        trial.faults.append(f"{name}: {len(rest.cycles)} cycles for one save: {[short(each) for each in rest.cycles]}")
