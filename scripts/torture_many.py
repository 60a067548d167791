"""Rounds of many directories: they arrive at once, come and go, or lie beside the package and cannot matter."""

import shutil
import time

from torture_proc import descriptors_of, instances_of, memory, watches_of
from torture_tree import Place, TortureError, Watched
from torture_trial import Trial, short
from torture_writers import fill, write

WATCHES = 150
"""A package of fifty directories may cost so many, whatever lies beside it."""
MEGABYTES = 80
"""...and the daemon so much memory."""
ARMED = 1.0
"""Seconds in which new directories are watched."""
INSTANCES = 8
DESCRIPTORS = 40
"""So many more than at first may be open at any time."""
ATTEMPTS = 3
SETTLE = 0.1
AT_ONCE = 100
POLL = 0.002


def arriving(trial: Trial) -> None:
    """Make many directories at once: they are watched soon, and no file that is written into them then is lost."""
    place = trial.place
    for number in range(trial.size.around):
        write(place.package / "around" / f"group{number // 100}" / f"d{number}" / "page.html", "around\n")
    _watch_one_by_one(place)
    with trial.daemon(SETTLE) as (watched, ready):
        took = []
        for attempt in range(ATTEMPTS):
            before = watches_of(int(ready["pid"]))
            directories = [place.package / f"arriving{attempt}" / f"d{each}" for each in range(trial.size.arriving)]
            for directory in directories:
                directory.mkdir(parents=True)
            took.append(_armed(watched, before + len(directories)))
            for directory in directories:
                write(directory / "page.html", "noticed\n")
            wrote = time.monotonic()
            trial.rest(watched, f"{len(directories)} new directories")
            trial.notes.append(
                f"{len(directories)} directories beside {trial.size.around} others"
                f" watched {took[-1]:.2f} s after the last was made,"
                f" a file in each installed {time.monotonic() - wrote - watched.calm:.2f} s after it was written"
            )
            if took[-1] < ARMED:
                return
        trial.faults.append(f"arriving: watched after {', '.join(f'{each:.2f}' for each in took)} s")


def _watch_one_by_one(place: Place) -> None:
    """Put a directory that is not looked at into the package: what holds one is not watched as a whole."""
    write(place.package / "__pycache__" / "x.pyc", "")


def _armed(watched: Watched, watches: int) -> float:
    """Wait for so many watches; return the seconds that it took.

    Raises:
        TortureError: it took too long.
    """
    began = time.monotonic()
    while watches_of(watched.process.pid) < watches:
        if time.monotonic() > began + watched.patience:
            raise TortureError(f"{watches_of(watched.process.pid)} watches instead of {watches}")
        time.sleep(POLL)
    return time.monotonic() - began


def passing(trial: Trial) -> None:
    """Make and remove directories over and over: nothing runs out, and what was added to watch them is given back."""
    place = trial.place
    _watch_one_by_one(place)
    with trial.daemon(SETTLE) as (watched, ready):
        pid = int(ready["pid"])
        at_first, before = instances_of(pid), descriptors_of(pid)
        most, opened = _pass(trial, watched, pid)
        trial.rest(watched, "at the end")
        write(place.package / "after.html", "after\n")
        trial.rest(watched, "a save after all of it", updates=range(1, 2))
        trial.notes.append(
            f"{trial.size.passing} directories came, two of three hundred went: at most {most} inotify instances,"
            f" {opened} descriptors (at first {at_first}, {before})"
        )
        if most > INSTANCES:
            trial.faults.append(f"passing: {most} inotify instances")
        if opened > before + DESCRIPTORS:
            trial.faults.append(f"passing: {opened} descriptors, at first {before}")
        if "Too many open files" in watched.said():
            trial.faults.append("passing: too many open files")
        deadline = time.monotonic() + watched.patience
        while instances_of(pid) > at_first:
            if time.monotonic() > deadline:
                trial.faults.append(f"passing: {instances_of(pid)} inotify instances when idle, at first {at_first}")
                return
            time.sleep(POLL)


def _pass(trial: Trial, watched: Watched, pid: int) -> tuple[int, int]:
    """Let directories come and go; return the most inotify instances and the most descriptors that were seen."""
    descriptors, instances = [], []
    for number in range(max(1, trial.size.passing // AT_ONCE)):
        top = trial.place.package / f"passing{number}"
        for each in range(AT_ONCE):
            write(top / f"d{each}" / "page.html", "passing\n")
            if each % 10 == 0:
                descriptors.append(descriptors_of(pid))
                instances.append(instances_of(pid))
        time.sleep(trial.chance.uniform(0, 4 * SETTLE))
        if number % 2:
            trial.rest(watched, f"the {number}. hundred")
        # Every third stays, so that what was added for it has to be kept.
        if number % 3:
            shutil.rmtree(top)
    return max(instances), max(descriptors)


def modules(trial: Trial) -> None:
    """Put ``node_modules`` beside a package of fifty directories: what cannot matter costs no watch."""
    place = trial.place
    for number in range(50):
        write(place.package / f"sub{number}" / "page.html", "first\n")
    beside = place.root / "node_modules"
    for number in range(trial.size.modules // 2):
        for each in range(10):
            write(beside / f"module{number}" / "lib" / f"index{each}.js", "x\n")
    began = time.monotonic()
    with trial.daemon() as (watched, ready):
        first = next(event for event in watched.told if event["event"] == "cycle.finished")
        seconds = watched.ready_at - began - first["duration_ms"] / 1000
        if seconds > trial.size.ready:
            trial.faults.append(f"modules: ready {seconds:.2f} s after the start, without the first update")
        watches = watches_of(int(ready["pid"]))
        if not 0 < watches < WATCHES:
            trial.faults.append(f"modules: {watches} watches")
        fill(beside / "later", 200, "later")
        if (rest := trial.rest(watched, "files in node_modules")).cycles:
            trial.faults.append(f"modules: cycles for node_modules: {[short(each) for each in rest.cycles]}")
        write(place.package / "sub7" / "page.html", "second\n")
        trial.rest(watched, "a page", updates=range(1, 2))
        used = memory(int(ready["pid"]))
        if used > MEGABYTES:
            trial.faults.append(f"modules: {used} MB")
        trial.notes.append(
            f"{trial.size.modules} directories beside 50: {watches} watches, {used} MB,"
            f" ready {seconds:.2f} s after the start, without the first update"
        )
