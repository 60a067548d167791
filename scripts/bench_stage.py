"""What all measurements share: copies of the example, uv's reinstall, and waiting for installed bytes.

Knows the example; knows no program under measurement and prints nothing.
"""

import contextlib
import shutil
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import uv
from bench_process import Watcher
from demo_stage import TOP, DemoError, Stage, prepare

PATIENCE = 30.0
"""Seconds that one update may take."""
REST = 1.0
"""Seconds between two measurements, in which the program before comes to rest."""
BIN = TOP / ".venv" / "bin"
LARGE = 12_000
"""Files in the package of the large tree."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A program under measurement and the copy of the example that it keeps fresh."""

    name: str
    stage: Stage
    watcher: Watcher


def reinstall_command() -> list[str]:
    """Return uv's own command that makes one distribution fresh and touches nothing else."""
    targeted = "--frozen --inexact --no-editable --only-install-package myapp --reinstall-package myapp"
    return [uv.find_uv_bin(), "sync", *targeted.split()]


def make(home: Path) -> Stage:
    """Make a copy of the example with its static files collected and installed."""
    stage = Stage(home=home)
    prepare(stage)
    stage.manage("collectstatic", "--noinput")
    stage.run(*reinstall_command())
    return stage


def count(stage: Stage) -> int:
    """How many files the installed package has, but bytecode."""
    return sum(path.is_file() and "__pycache__" not in path.parts for path in stage.installed.rglob("*"))


def enlarge(stage: Stage) -> None:
    """Add collected files up to the size of the large tree, install them, and forget what uvwatch learned."""
    directory = stage.package / "staticfiles" / "large"
    directory.mkdir()
    for number in range(LARGE - count(stage)):
        (directory / f"{number}.css").write_text(f".n{number} {{ order: {number} }}\n")
    stage.run(*reinstall_command())
    shutil.rmtree(stage.project / ".venv" / ".uvwatch", ignore_errors=True)


def installed_after(peer: Peer, name: str, content: bytes) -> float | None:
    """Save a file of the package and return the seconds until the installed copy has its bytes, None if never."""
    target = peer.stage.installed / name
    (peer.stage.package / name).write_bytes(content)
    begin = time.perf_counter()
    while time.perf_counter() - begin < PATIENCE:
        with contextlib.suppress(FileNotFoundError):  # uv removes all files before it writes the new ones
            if target.read_bytes() == content:
                return time.perf_counter() - begin
        time.sleep(0.001)
    return None


def start(peer: Peer) -> None:
    """Wait until a program follows changes: the first ones are saved again until one is installed.

    Raises:
        DemoError: it does not within some tries.
    """
    for attempt in range(3):
        if not peer.watcher.running:
            break
        if installed_after(peer, "staticfiles/css/print.css", b"/* warm %d */\n" % attempt) is not None:
            time.sleep(REST)
            return
    raise DemoError(f"{peer.name} does not follow changes:\n{peer.watcher.log.read_text(errors='replace')}")


def spread(seconds: Sequence[float]) -> str:
    """A median and its extremes in milliseconds."""
    low, middle, high = (1000 * each for each in (min(seconds), statistics.median(seconds), max(seconds)))
    digits = 1 if middle < 10 else 0  # noqa: PLR2004 - two significant figures are enough
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def ratio(others: Sequence[float], own: Sequence[float]) -> str:
    """How many times longer the others took, by medians."""
    return f"{statistics.median(others) / statistics.median(own):.1f}"
