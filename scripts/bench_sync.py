"""What a barrier costs where there is nothing to do: ``uvwatch sync`` beside an interpreter that only imports click.

Both are whole processes, started in turn.
"""

import contextlib
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bench_process import Watcher
from bench_stage import BIN, count, enlarge, make
from demo_stage import Stage
from rich.console import Console
from rich.table import Table

ROUNDS = 15
WARM = 5


def seconds(argv: Sequence[str | Path], cwd: Path) -> float:
    """Run a command, which may keep its bytecode, and return how long it took.

    Raises:
        CalledProcessError: it failed.
    """
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    begin = time.perf_counter()
    subprocess.run(argv, cwd=cwd, env=env, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begin


def medians(stage: Stage) -> tuple[float, float]:
    """Return the medians of ``uvwatch sync`` beside a daemon, and of the bare import, in seconds."""
    commands: Sequence[Sequence[str | Path]] = (
        (BIN / "uvwatch", "sync"),
        (sys.executable, "-c", "import click"),
    )
    times: list[list[float]] = [[] for _ in commands]
    watch = [str(BIN / "uvwatch"), "watch"]
    with contextlib.closing(Watcher(watch, stage.project, stage.home.with_suffix(".log"))):
        # Waits for the daemon that is just starting, or is over before it: then the first rounds are for nothing.
        for number in range(WARM + ROUNDS):
            for argv, of_it in zip(commands, times, strict=True):
                took = seconds(argv, stage.project)
                if number >= WARM:
                    of_it.append(took)
    sync, bare = map(statistics.median, times)
    return sync, bare


def measure(console: Console, home: Path) -> None:
    """Print the medians, for the small tree and the large one, and by how much the barrier is dearer."""
    stage = make(home / "sync")
    title = "nothing to do beside a daemon, ms"
    table = Table("files", "uvwatch sync", "python -c 'import click'", "difference", title=title)
    for large in (False, True):
        if large:
            enlarge(stage)
        sync, bare = medians(stage)
        table.add_row(str(count(stage)), f"{1000 * sync:.0f}", f"{1000 * bare:.0f}", f"{1000 * (sync - bare):.0f}")
    console.print(table)
