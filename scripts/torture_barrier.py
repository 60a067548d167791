"""After ``uvwatch sync`` the installed bytes are those of the tree: files are written, it is called, they are read.

In chunks of rounds in turn: beside a daemon, without one, beside one that polls, and while ``uv run`` flips the
environment to an editable install and back. Exit status: 0 every file was equal in every round, 1 one was not.
"""

import argparse
import random
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import Enum
from pathlib import Path

import uv
from torture_equal import COMMAND, forget_the_callers

PYPROJECT = """\
[build-system]
requires = ["uv_build>=0.9"]
build-backend = "uv_build"

[project]
name = "pkg"
version = "1.0"
requires-python = ">=3.10"
"""
MOST = 20
"""Files that a round writes, at most."""
NEW = 0.3
"""The share of writes that make a new file, half of them in a new directory."""
SIZES = (0, 10, 5_000)
"""Bytes of a file, about: writes of the same size within one tick of the clock are the hardest to see."""


class Way(Enum):
    """Who does the work, and what happens meanwhile."""

    DAEMON = "beside a daemon"
    ALONE = "without a daemon"
    POLLING = "beside a daemon that polls"
    FLIPPED = "while uv run flips the environment"


class BrokenBarrierError(Exception):
    """A sync did not do what it is for; the message says which file, and what was printed."""


def make(root: Path) -> None:
    """Make a locked project and install it as a copy."""
    (root / "src" / "pkg").mkdir(parents=True)
    (root / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8")
    (root / "src" / "pkg" / "__init__.py").write_text('VALUE = "one"\n', encoding="utf-8")
    for words in (("lock",), ("sync", "--no-editable")):
        subprocess.run([uv.find_uv_bin(), *words, "--quiet"], cwd=root, check=True)


@contextmanager
def daemon(root: Path, way: Way) -> Iterator[None]:
    """Run a daemon as the way has it. Its own look is slow to come, so that the barrier has to hurry it."""
    if way is Way.ALONE:
        yield
        return
    argv: list[str | Path] = [COMMAND, "watch", "--settle", "5"]
    argv += ["--polling", "always"] if way is Way.POLLING else []
    process = subprocess.Popen(argv, cwd=root, stdout=subprocess.DEVNULL)
    try:
        yield
        # From outside, as everything here; a daemon that is just starting is waited for.
        subprocess.run([COMMAND, "stop"], cwd=root, check=True)
    finally:
        process.terminate()
        process.wait()


def write(package: Path, source: random.Random, number: int) -> list[Path]:
    """Write some files: changed in place, replaced, new, in new nested directories; return which."""
    known = sorted(path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    written = []
    for index in range(source.randint(1, MOST)):
        path = source.choice(known)
        if source.random() < NEW:
            nested = Path(*(f"d{number}_{level}" for level in range(source.choice((0, 1, 3)))))
            path = package / nested / f"n{number}_{index}{source.choice(('.py', '.css', '.txt'))}"
            path.parent.mkdir(parents=True, exist_ok=True)
        content = f"# {number:06} {index:03} {source.random():.18f}\n".encode() + b"#" * source.choice(SIZES)
        if source.random() < 0.5:  # noqa: PLR2004 - half of them
            path.write_bytes(content)
        else:
            partial = path.with_name(f".{path.name}.partial")
            partial.write_bytes(content)
            partial.replace(path)
        written.append(path)
    return written


def barrier(root: Path, *words: str) -> str:
    """Call ``uvwatch sync`` and return its last line.

    Raises:
        BrokenBarrierError: it failed.
    """
    done = subprocess.run([COMMAND, "sync", *words], cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BrokenBarrierError(f"exit status {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout.splitlines()[-1]


def compare(root: Path, paths: Sequence[Path]) -> None:
    """Read what is installed of these files.

    Raises:
        BrokenBarrierError: one is missing, or holds other bytes.
    """
    (site,) = root.glob(".venv/lib/python*/site-packages")
    for path in paths:
        name = path.relative_to(root / "src")
        there = site / name
        if not there.is_file() or there.read_bytes() != path.read_bytes():
            raise BrokenBarrierError(f"{name} is {'other than in the tree' if there.exists() else 'not installed'}")


def one_round(root: Path, way: Way, source: random.Random, number: int) -> str:
    """Write, call, read; return the last line that was printed."""
    package = root / "src" / "pkg"
    if way is not Way.FLIPPED:
        written = write(package, source, number)
        said = barrier(root)
        compare(root, written)
        return said
    with subprocess.Popen([uv.find_uv_bin(), "run", "--quiet", "python", "-c", ""], cwd=root) as flip:
        written = write(package, source, number)
        # Beside uv: nothing is promised for the time after, for uv may undo it, but it must come back.
        barrier(root, "--no-editable")
    if flip.returncode:
        raise BrokenBarrierError(f"uv run ended with {flip.returncode}")
    said = barrier(root, "--no-editable")
    compare(root, written)
    return said


def torture(root: Path, rounds: int, chunk: int, source: random.Random) -> int:
    """Run the rounds, and print what happened."""
    make(root)
    outcomes: Counter[str] = Counter()
    took: dict[Way, list[float]] = {way: [] for way in Way}
    number = 0
    ways = [way for way in Way if way is not Way.ALONE]
    while number < rounds:
        # Half of the chunks without a daemon.
        way = ways[(number // chunk // 2) % len(ways)] if (number // chunk) % 2 == 0 else Way.ALONE
        print(f"from round {number + 1} on {way.value}", flush=True)
        with daemon(root, way):
            for _ in range(min(chunk, rounds - number)):
                number += 1
                begin = time.perf_counter()
                try:
                    said = one_round(root, way, source, number)
                except BrokenBarrierError as error:
                    print(f"round {number}, {way.value}: {error}", flush=True)
                    return 1
                took[way].append(time.perf_counter() - begin)
                outcomes[said.split()[1]] += 1
        compare(root, [path for path in (root / "src" / "pkg").rglob("*.*") if path.suffix != ".pyc"])
    print(f"{number} rounds, all equal: {', '.join(f'{count} {what}' for what, count in outcomes.items())}")
    for way, seconds in took.items():
        if seconds:
            print(
                f"  {way.value}: {len(seconds)} rounds, the median {1000 * sorted(seconds)[len(seconds) // 2]:.0f} ms"
            )
    return 0


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(prog="scripts/torture barrier", description=__doc__, allow_abbrev=False)
    parser.add_argument("--rounds", type=int, default=500, help="how many (500)")
    parser.add_argument("--chunk", type=int, default=10, help="rounds between two changes of the way (10)")
    parser.add_argument("--seed", type=int, help="the same seed writes the same files")
    parser.add_argument("--home", type=Path, help="an empty directory to work in (default: a new one)")
    given = parser.parse_args()
    forget_the_callers()
    seed = secrets.randbelow(2**32) if given.seed is None else given.seed
    print(f"seed {seed}", flush=True)
    home = Path(tempfile.mkdtemp(prefix="uvwatch-torture-")) if given.home is None else given.home
    status = torture(home / "project", given.rounds, given.chunk, random.Random(seed))  # noqa: S311 - no secret
    if status == 0 and given.home is None:
        shutil.rmtree(home)
    elif status:
        print(f"left in {home}")
    return status


if __name__ == "__main__":
    sys.exit(main())
