"""What a barrier costs where there is nothing to do: ``uvwatch sync`` beside an interpreter that only imports click.

Both are whole processes, started in turn.
"""

import contextlib
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bench_process import Watcher
from bench_stage import BIN, count, make
from rich.console import Console
from rich.table import Table

ROUNDS = 15
WARM = 5


def seconds(argv: Sequence[str | Path], cwd: Path) -> float:
    """Run a command and return how long it took.

    Raises:
        CalledProcessError: it failed.
    """
    begin = time.perf_counter()
    subprocess.run(argv, cwd=cwd, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begin


def measure(console: Console, home: Path) -> None:
    """Print the medians, and by how much the barrier is dearer."""
    stage = make(home / "sync")
    commands: dict[str, Sequence[str | Path]] = {
        "uvwatch sync": (BIN / "uvwatch", "sync"),
        "python -c 'import click'": (sys.executable, "-c", "import click"),
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    watch = [str(BIN / "uvwatch"), "watch"]
    with contextlib.closing(Watcher(watch, stage.project, home / "sync.log")):
        # Waits for the daemon that is just starting, or is over before it: then the first rounds are for nothing.
        for number in range(WARM + ROUNDS):
            for name, argv in commands.items():
                took = seconds(argv, stage.project)
                if number >= WARM:
                    times[name].append(took)
    medians = [statistics.median(times[name]) for name in commands]
    table = Table(*commands, "difference", title=f"nothing to do beside a daemon, {count(stage)} files, ms")
    table.add_row(*(f"{1000 * median:.0f}" for median in medians), f"{1000 * (medians[0] - medians[1]):.0f}")
    console.print(table)
