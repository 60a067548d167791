"""Measures uvwatch beside watchfiles with uv, on two equal copies of the example, in the same run and in turn.

Prints medians and ratios, the time of ``uvwatch check``, and what both cost when nothing happens. The machine's noise
is in all figures: read ratios.
"""

import argparse
import contextlib
import functools
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import uv
from bench_process import Watcher
from demo_stage import TOP, DemoError, Stage, comes_true, equal, prepare
from rich.console import Console
from rich.table import Table

PATIENCE = 30.0
"""Seconds that one update may take."""
REST = 1.0
"""Seconds between two measurements, in which the program before comes to rest."""
LARGE = 12_000
"""Files in the package of the large tree."""
BIN = TOP / ".venv" / "bin"


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


def measure(peers: tuple[Peer, Peer], rounds: int) -> dict[tuple[str, str], list[float]]:
    """Save files in both copies in turn; return the seconds of each round by (kind of change, program)."""
    times: dict[tuple[str, str], list[float]] = {}
    for number in range(rounds):
        files = {"changed": "staticfiles/css/site.css", "added": f"staticfiles/css/bench-{number}.css"}
        for kind, name in files.items():
            for peer in peers:
                took = installed_after(peer, name, f"h1 {{ order: {number} }}\n".encode())
                if took is None:
                    raise DemoError(f"{peer.name} never installed {name}")
                times.setdefault((kind, peer.name), []).append(took)
                time.sleep(REST)
    return times


def show_latency(console: Console, peers: tuple[Peer, Peer], times: dict[tuple[str, str], list[float]]) -> None:
    """Print medians, extremes and ratios."""
    table = Table("file", *(peer.name for peer in peers), "ratio", title="last write to installed bytes, ms")
    for kind in ("changed", "added"):
        samples = [times[kind, peer.name] for peer in peers]
        medians = [statistics.median(sample) for sample in samples]
        cells = [
            f"{1000 * median:.0f} ({1000 * min(sample):.0f} to {1000 * max(sample):.0f})"
            for median, sample in zip(medians, samples, strict=True)
        ]
        table.add_row(kind, *cells, f"{medians[1] / medians[0]:.1f}")
    console.print(table)


def show_idle(console: Console, peers: tuple[Peer, Peer], seconds: float) -> None:
    """Print what both programs cost while nothing happens."""
    before = [peer.watcher.usage() for peer in peers]
    time.sleep(seconds)
    after = [peer.watcher.usage() for peer in peers]
    table = Table("idle", *(peer.name for peer in peers), title=f"nothing happens for {seconds:.0f} s")
    shares = [(new.seconds - old.seconds) / seconds for old, new in zip(before, after, strict=True)]
    table.add_row("share of one core", *(f"{share:.2%}" for share in shares))
    table.add_row("resident, the program", *(f"{usage.own_mib:.0f} MiB" for usage in after))
    table.add_row("resident, with its children", *(f"{usage.all_mib:.0f} MiB" for usage in after))
    console.print(table)


def enlarge(stage: Stage) -> None:
    """Add collected files up to the size of the large tree, install them, and forget what uvwatch learned."""
    directory = stage.package / "staticfiles" / "large"
    directory.mkdir()
    for number in range(LARGE - count(stage)):
        (directory / f"{number}.css").write_text(f".n{number} {{ order: {number} }}\n")
    stage.run(*reinstall_command())
    shutil.rmtree(stage.project / ".venv" / ".uvwatch", ignore_errors=True)


def check(stage: Stage) -> str:
    """Run ``uvwatch check`` on a fresh environment; return its time, or what went wrong."""
    begin = time.perf_counter()
    done = subprocess.run(
        [BIN / "uvwatch", "check", "--project", stage.project], capture_output=True, text=True, check=False
    )
    took = time.perf_counter() - begin
    return f"{1000 * took:.0f} ms" if done.returncode == 0 else f"exit status {done.returncode}: {done.stderr[-200:]}"


def show_check(console: Console, stage: Stage) -> None:
    """Print the time of two checks in a row, for the small tree and then for the large one."""
    table = Table("files", "first", "second", title="uvwatch check, nothing changed")
    table.add_row(str(count(stage)), check(stage), check(stage))
    enlarge(stage)
    table.add_row(str(count(stage)), check(stage), check(stage))
    console.print(table)


def compare(console: Console, home: Path, rounds: int, idle: float) -> None:
    """Measure everything that needs both programs running; then ``check``, in the copy where uvwatch never ran."""
    mine, theirs = make(home / "uvwatch"), make(home / "watchfiles")
    commands = {
        "uvwatch": (mine, [str(BIN / "uvwatch"), "watch"]),
        "watchfiles + uv sync": (theirs, [str(BIN / "watchfiles"), " ".join(reinstall_command()), "myapp"]),
    }
    with contextlib.ExitStack() as stack:
        first, second = (
            Peer(
                name=name,
                stage=stage,
                watcher=stack.enter_context(
                    contextlib.closing(Watcher(argv, stage.project, stage.home.with_suffix(".log")))
                ),
            )
            for name, (stage, argv) in commands.items()
        )
        peers = (first, second)
        for peer in peers:
            start(peer)
        show_latency(console, peers, measure(peers, rounds))
        show_idle(console, peers, idle)
        for peer in peers:
            if not comes_true(functools.partial(equal, peer.stage), PATIENCE):
                console.print(f"{peer.name} left the environment different from the tree")
    show_check(console, theirs)


def main() -> int:
    """Read the arguments and measure; return the exit status."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__, allow_abbrev=False)
    parser.add_argument("--rounds", type=int, default=7, help="measurements of each kind (7)")
    parser.add_argument("--idle", type=float, default=20.0, help="seconds of idleness (20)")
    options = parser.parse_args()
    if platform.system() != "Linux":
        print("scripts/bench reads /proc: Linux only", file=sys.stderr)
        return 2
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts background jobs with SIGINT ignored
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))  # so that what was started is ended
    console = Console(highlight=False, soft_wrap=True)
    try:
        with tempfile.TemporaryDirectory(prefix="uvwatch-bench-", ignore_cleanup_errors=True) as home:
            compare(console, Path(home).resolve(), options.rounds, options.idle)
    except DemoError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
