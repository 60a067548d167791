"""A random walk of what happens to a project: files, git, editors, generators, odd names, other commands, at once.

Too few watches are not in it: they need a user namespace from the start, and are a round of their own (``scarce``).
Each step chooses some actions by the seed, one of a kind, and does them side by side; then the daemon comes to rest and
tree and copy are equal. Failures on the way are no fault (a FIFO, a missing environment), what is left of them is.
"""

import os
import random
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import uv
from torture_odd import ODD, as_anybody, remove
from torture_proc import memory
from torture_tree import COMMAND, NAME, Place, TortureError
from torture_trial import Trial
from torture_writers import EDITORS, clear, fill, write

SETTLE = 0.1
PAGES = 30
MOST = 3
"""Actions at once."""

Action = Callable[[Place, random.Random, int], None]


def edit_pages(place: Place, chance: random.Random, step: int) -> None:
    """Write some of the files that git tracks."""
    for number in chance.sample(range(PAGES), 5):
        write(place.package / f"page{number}.html", f"{number} of step {step}\n")


def save(place: Place, chance: random.Random, step: int) -> None:
    """Save a file as an editor does."""
    path = place.package / f"page{chance.randrange(PAGES)}.html"
    if path.exists():
        EDITORS[chance.choice(sorted(EDITORS))](path, f"saved in step {step}\n")


def checkout(place: Place, chance: random.Random, step: int) -> None:
    """Change the branch, whatever was edited."""
    place.git("checkout", "--quiet", "--force", chance.choice(("main", "other")))
    write(place.package / "after.html", f"step {step}\n")


def stash(place: Place, chance: random.Random, step: int) -> None:
    """Put edits away and take them back."""
    edit_pages(place, chance, step)
    place.git("stash", "--quiet")
    place.git("stash", "pop", "--quiet")


def refill(place: Place, chance: random.Random, step: int) -> None:
    """Remove what was generated, and write it again."""
    clear(place.static, keep=chance.random() < 0.5)  # noqa: PLR2004 - a half
    fill(place.static, chance.choice((20, 200, 600)), f"step {step}", [chance.uniform(0, SETTLE / 5)] * 20)


def burst(place: Place, chance: random.Random, step: int) -> None:
    """Write thousands of generated files as fast as the disk takes them."""
    fill(place.static / "burst", chance.choice((1_000, 3_000)), f"step {step}")


def append(place: Place, chance: random.Random, step: int) -> None:
    """Write to one generated file again and again."""
    for number in range(chance.randint(2, 20)):
        with (place.static / "log.css").open("a", encoding="utf-8") as stream:
            stream.write(f"{step} {number}\n")
        time.sleep(chance.uniform(0, SETTLE))


def nest(place: Place, chance: random.Random, step: int) -> None:
    """Make directories in directories, with files in all of them."""
    top = place.package / "nested" / f"n{step}"
    (top / "a" / "b" / "c" / "d").mkdir(parents=True)
    for number in range(20):
        name = "/".join(["abcd"[each] for each in range(number % 5)])
        write(top / name / f"{number}.css", f"step {step}\n")
    older = sorted((place.package / "nested").iterdir())
    if len(older) > PAGES:
        shutil.rmtree(chance.choice(older))


def rename(place: Place, chance: random.Random, step: int) -> None:
    """Move a directory with all that is in it."""
    top = place.package / "nested"
    if top.exists() and (there := sorted(top.iterdir())):
        chance.choice(there).rename(top / f"moved{step}")


def turn(place: Place, _chance: random.Random, step: int) -> None:
    """Make a file a directory, or a directory a file."""
    path = place.package / "turned.html"
    if path.is_dir():
        shutil.rmtree(path)
        write(path, f"a file in step {step}\n")
        return
    path.unlink(missing_ok=True)
    write(path / "inside.html", f"a directory in step {step}\n")


def modules(place: Place, chance: random.Random, step: int) -> None:
    """Have a package manager write beside the package, and remove what it wrote before."""
    top = place.root / "node_modules"
    if top.exists() and chance.random() < 0.3:  # noqa: PLR2004 - now and then
        shutil.rmtree(top)
    for number in range(200):
        write(top / f"module{step}-{number % 50}" / "lib" / f"index{number}.js", f"step {step}\n")


def deny(place: Place, chance: random.Random, step: int) -> None:
    """Take the permission to read a file or a directory away for a while."""
    top = place.package / "denied" / f"d{step % 10}"
    write(top / "page.html", f"step {step}\n")
    path, mode = chance.choice(((top, 0o755), (top / "page.html", 0o644)))
    path.chmod(0)
    time.sleep(chance.uniform(0, 5 * SETTLE))
    path.chmod(mode)


def lock_index(place: Place, chance: random.Random, step: int) -> None:
    """Hold git's lock of the index, as a checkout does, while files are written."""
    lock = place.root / ".git" / "index.lock"
    lock.touch(exist_ok=False)
    edit_pages(place, chance, step)
    time.sleep(chance.uniform(0, 10 * SETTLE))
    lock.unlink()


def put_odd(place: Place, chance: random.Random, step: int) -> None:
    """Put something odd in the package for a while."""
    kind = ODD[chance.choice(sorted(ODD))]
    top = place.package / f"odd{step}"
    write(top / "beside.css", f"step {step}\n")
    path = top / os.fsdecode(kind.name)
    kind.make(path)
    time.sleep(chance.uniform(0, 5 * SETTLE))
    remove(path)


def flip(place: Place, _chance: random.Random, _step: int) -> None:
    """Make it editable, as a plain ``uv run`` does."""
    _try(place, uv.find_uv_bin(), "run", "--quiet", "python", "-c", "")


def sync(place: Place, chance: random.Random, _step: int) -> None:
    """Have uv install by itself."""
    words = ("--reinstall-package", NAME) if chance.random() < 0.5 else ()  # noqa: PLR2004 - a half
    _try(place, uv.find_uv_bin(), "sync", "--quiet", "--no-editable", *words)


def pip_install(place: Place, _chance: random.Random, _step: int) -> None:
    """Install by uv's other interface."""
    _try(place, uv.find_uv_bin(), "pip", "install", "--quiet", "--no-deps", "--reinstall-package", NAME, place.root)


def lose(place: Place, chance: random.Random, _step: int) -> None:
    """Remove an installed file; no event tells of that, so a ``sync`` makes it good."""
    there = sorted(place.prefix.glob(f"lib/python*/site-packages/{NAME}/**/*.html"))
    with suppress(FileNotFoundError, IndexError):
        chance.choice(there).unlink()
    while not _try(place, COMMAND, "sync", "--quiet"):
        time.sleep(SETTLE)


def remove_environment(place: Place, _chance: random.Random, _step: int) -> None:
    """Remove the whole environment."""
    shutil.rmtree(place.prefix, ignore_errors=True)


def _try(place: Place, *words: str | Path) -> bool:
    """Run a command that may fail, for files come and go while it builds; return whether it did not."""
    try:
        place.run(*words)
    except TortureError:
        return False
    return True


KINDS: Mapping[str, tuple[Action, ...]] = {
    "tracked": (edit_pages, save, checkout, stash, lock_index),
    "generated": (refill, burst, append),
    "nested": (nest, rename, turn),
    "beside": (modules,),
    "denied": (deny,),
    # Not both at once: uv's own build would wait for a FIFO for ever.
    "apart": (put_odd, put_odd, flip, sync, pip_install, lose, remove_environment),
}
"""Of each kind one at a time: they would fail by each other, not by the daemon."""


def walk(trial: Trial) -> None:
    """Walk for as long as the size says."""
    place, chance = trial.place, trial.chance
    _branch(place)
    counts: Counter[str] = Counter()
    # "never" puts a copy back after each flip; "keep" would leave the fourth within ten minutes.
    with trial.daemon(SETTLE, options=("--editable", "never"), under=as_anybody()) as (watched, _):
        step, end = 0, time.monotonic() + trial.size.walk
        while time.monotonic() < end and not trial.faults:
            step += 1
            actions = _choose(chance)
            _do_all(place, chance, step, actions)
            names = [action.__name__ for action in actions]
            counts.update(names)
            trial.heal(watched, f"step {step} ({', '.join(names)})")
        done = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
        trial.notes.append(f"{step} steps ({done}), {memory(watched.process.pid)} MB")


def _choose(chance: random.Random) -> list[Action]:
    return [chance.choice(KINDS[kind]) for kind in chance.sample(sorted(KINDS), chance.randint(1, MOST))]


def _do_all(place: Place, chance: random.Random, step: int, actions: list[Action]) -> None:
    """Do the actions side by side, each with a random source of its own.

    Raises:
        TortureError: a command of an action failed.
    """
    failures: list[TortureError] = []

    def do(action: Action, source: random.Random) -> None:
        try:
            action(place, source, step)
        except TortureError as error:
            failures.append(error)

    sources = [random.Random(chance.random()) for _ in actions]  # noqa: S311 - the same seed, the same walk
    threads = [threading.Thread(target=do, args=pair) for pair in zip(actions, sources, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def _branch(place: Place) -> None:
    """Make the branch ``other``, and come back."""
    place.git("checkout", "--quiet", "-b", "other")
    for number in range(PAGES):
        write(place.package / f"page{number}.html", f"{number} other\n")
    write(place.package / "more" / "new.html", "new\n")
    place.git("add", "--all")
    place.git("commit", "--quiet", "--message", "other")
    place.git("checkout", "--quiet", "main")
