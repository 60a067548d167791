"""From the last write to the installed bytes, and the update alone: uvwatch beside its peers, each on its own copy.

Who is not installed here (entr, inotifywait) is left out. ``inotifywait`` with ``cp`` is the floor: it copies one file
and knows neither RECORD nor builds.
"""

import contextlib
import functools
import re
import shlex
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

from bench_process import Watcher
from bench_stage import BIN, PATIENCE, REST, Peer, installed_after, make, ratio, reinstall_command, spread, start
from demo_stage import DemoError, Stage, comes_true, equal
from rich.console import Console
from rich.table import Table

OWN = "uvwatch"
END = re.compile(r"^uvwatch: updated myapp in ([\d.]+) (ms|s) \((patch|rebuild)\b", re.MULTILINE)
"""The end line of an update: its length counts from the end of settling to the verified result."""


def commands(stage_of: Mapping[str, Stage]) -> Mapping[str, list[str]]:
    """The peers that can be had here, by name, each for its own copy."""
    uv_sync = shlex.join(reinstall_command())
    floor = stage_of.get("inotifywait + cp")
    copy = f'cp "$f" {shlex.quote(str(floor.installed.parent))}/"$f"' if floor is not None else ""
    return {
        OWN: [str(BIN / "uvwatch"), "watch"],
        "settle = 0.02": [str(BIN / "uvwatch"), "watch", "--settle", "0.02"],
        "watchfiles + uv": [str(BIN / "watchfiles"), uv_sync, "myapp"],
        "entr + uv": ["sh", "-c", f"while :; do find myapp -type f | entr -n -d {uv_sync}; done"],
        "inotifywait + cp": [
            "sh",
            "-c",
            f"inotifywait -m -q -r -e close_write --format %w%f myapp | while read -r f; do {copy}; done",
        ],
    }


def names() -> list[str]:
    """Who takes part: programs that are not installed here do not."""
    needed = {"entr + uv": "entr", "inotifywait + cp": "inotifywait"}
    return [name for name in commands({}) if name not in needed or shutil.which(needed[name])]


def measure(console: Console, home: Path, rounds: int, idle: float) -> None:
    """Run all peers side by side, print their latencies, the updates alone, and what they cost when idle.

    Raises:
        DemoError: one of them does not follow changes.
    """
    stages = {name: make(home / re.sub(r"\W+", "-", name)) for name in names()}
    with contextlib.ExitStack() as stack:
        peers = []
        for name, stage in stages.items():
            watcher = Watcher(commands(stages)[name], stage.project, stage.home.with_suffix(".log"))
            stack.callback(watcher.close)
            peers.append(Peer(name=name, stage=stage, watcher=watcher))
        for peer in peers:
            start(peer)
        _show_latency(console, peers, _latencies(peers, rounds))
        _show_idle(console, peers, idle)
        for peer in peers:
            whole = peer.name != "inotifywait + cp"  # it has no way to see that a file goes
            if whole and not comes_true(functools.partial(equal, peer.stage), PATIENCE):
                console.print(f"{peer.name} left the environment different from the tree")
    _show_updates(console, stages[OWN], rounds)


def _latencies(peers: list[Peer], rounds: int) -> dict[tuple[str, str], list[float]]:
    """Save files in all copies in turn; the seconds of each round by (kind of change, peer)."""
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


def _show_latency(console: Console, peers: list[Peer], times: dict[tuple[str, str], list[float]]) -> None:
    title = "last write to installed bytes, ms: median (extremes)"
    table = Table("", "changed", "x uvwatch", "added", "x uvwatch", title=title)
    for peer in peers:
        cells = [
            cell
            for kind in ("changed", "added")
            for cell in (spread(times[kind, peer.name]), ratio(times[kind, peer.name], times[kind, OWN]))
        ]
        table.add_row(peer.name, *cells)
    console.print(table)


def _show_updates(console: Console, stage: Stage, rounds: int) -> None:
    """The update alone, as its end lines tell, and uv's reinstall alone, on the same copy."""
    own: dict[str, list[float]] = {"patch": [], "rebuild": []}
    for value, unit, action in END.findall(stage.home.with_suffix(".log").read_text(encoding="utf-8")):
        own[action].append(float(value) / (1000 if unit == "ms" else 1))
    reinstalls = []
    for _ in range(rounds):
        begin = time.perf_counter()
        stage.run(*reinstall_command())
        reinstalls.append(time.perf_counter() - begin)
    table = Table("", "ms: median (extremes)", "uv's reinstall alone takes", title="the update alone, without waiting")
    for action, seconds in own.items():
        table.add_row(f"{action} (n = {len(seconds)})", spread(seconds), f"{ratio(reinstalls, seconds)} times as long")
    table.add_row(f"uv sync --reinstall-package (n = {rounds})", spread(reinstalls), "")
    console.print(table)


def _show_idle(console: Console, peers: list[Peer], seconds: float) -> None:
    """What the programs cost while nothing happens."""
    before = [peer.watcher.usage() for peer in peers]
    time.sleep(seconds)
    title = f"nothing happens for {seconds:.0f} s"
    table = Table("", "share of one core", "resident", "with its children", title=title)
    for peer, old in zip(peers, before, strict=True):
        new = peer.watcher.usage()
        share = (new.seconds - old.seconds) / seconds
        table.add_row(peer.name, f"{share:.2%}", f"{new.own_mib:.0f} MiB", f"{new.all_mib:.0f} MiB")
    console.print(table)
