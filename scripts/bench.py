"""Measures uvwatch beside its peers, on equal copies of the example, in the same run and in turn.

Prints medians and ratios. The machine's noise is in all figures: read ratios.
"""

import argparse
import platform
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import bench_cache
import bench_latency
import bench_server
import bench_sync
from bench_stage import BIN, count, enlarge, make
from demo_stage import DemoError, Stage
from rich.console import Console
from rich.table import Table

PARTS = ("latency", "check", "sync", "server", "cache")


def check(stage: Stage) -> str:
    """Run ``uvwatch check`` on a fresh environment; return its time, or what went wrong."""
    begin = time.perf_counter()
    done = subprocess.run(
        [BIN / "uvwatch", "check", "--project", stage.project], capture_output=True, text=True, check=False
    )
    took = time.perf_counter() - begin
    return f"{1000 * took:.0f} ms" if done.returncode == 0 else f"exit status {done.returncode}: {done.stderr[-200:]}"


def show_check(console: Console, home: Path) -> None:
    """Print the time of two checks in a row, for the small tree and then for the large one."""
    stage = make(home / "check")
    table = Table("files", "first", "second", title="uvwatch check, nothing changed")
    table.add_row(str(count(stage)), check(stage), check(stage))
    enlarge(stage)
    table.add_row(str(count(stage)), check(stage), check(stage))
    console.print(table)


def measure(console: Console, home: Path, given: argparse.Namespace) -> None:
    """Measure the parts that were asked for."""
    parts = given.parts or PARTS
    if "latency" in parts:
        bench_latency.measure(console, home, given.rounds, given.idle)
    if "check" in parts:
        show_check(console, home)
    if "sync" in parts:
        bench_sync.measure(console, home)
    if "server" in parts:
        bench_server.measure(console, home)
    if "cache" in parts:
        bench_cache.measure(console, home)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__, allow_abbrev=False)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all if none is named")
    parser.add_argument("--rounds", type=int, default=15, help="measurements of each kind (15)")
    parser.add_argument("--idle", type=float, default=60.0, help="seconds of idleness (60)")
    given = parser.parse_args()
    if unknown := set(given.parts).difference(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    return given


def main() -> int:
    """Read the arguments and measure; return the exit status."""
    given = arguments()
    if platform.system() != "Linux":
        print("scripts/bench reads /proc: Linux only", file=sys.stderr)
        return 2
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts background jobs with SIGINT ignored
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))  # so that what was started is ended
    console = Console(highlight=False, soft_wrap=True)
    try:
        with tempfile.TemporaryDirectory(prefix="uvwatch-bench-", ignore_cleanup_errors=True) as home:
            measure(console, Path(home).resolve(), given)
    except DemoError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
