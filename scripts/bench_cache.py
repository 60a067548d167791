"""What updates do to uv's cache: how much it grows, and whether a file that was in it before is another now.

No update of uvwatch may change one: whatever else was installed from the cache would change with it. In a cache of its
own, so that nobody else's work is counted.
"""

import contextlib
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from bench_process import Watcher
from bench_stage import BIN, Peer, installed_after, make, reinstall_command, start
from demo_stage import DemoError, Stage
from rich.console import Console
from rich.table import Table

UPDATES = 200
REINSTALLS = 5


def _digests(cache: Path) -> Mapping[str, str]:
    """What each file of unpacked wheels holds, by its path in the cache."""
    return {
        path.relative_to(cache).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for top in cache.glob("archive-v*")
        for path in top.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


def _changed(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """The files that are not what they were, by path."""
    return sorted(path for path, digest in before.items() if after.get(path) != digest)


def _compared(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, str]:
    return f"{len(_changed(before, after))} of {len(before)}", str(len(after.keys() - before.keys()))


def measure(console: Console, home: Path) -> None:
    """Print what became of the cache: by updates of uvwatch, every tenth an added file, and by uv's reinstall.

    Raises:
        DemoError: an update of uvwatch changed a file of the cache.
    """
    cache = home / "cache"
    former = os.environ.get("UV_CACHE_DIR")
    os.environ["UV_CACHE_DIR"] = str(cache)
    try:
        stage = make(home / "cached")
        table = Table("", "files changed", "files added", title="unpacked wheels in uv's cache")
        watcher = Watcher([str(BIN / "uvwatch"), "watch"], stage.project, home / "cached.log")
        with contextlib.closing(watcher):
            peer = Peer(name="uvwatch", stage=stage, watcher=watcher)
            start(peer)
            before = _digests(cache)
            _update(peer)
        updated = _digests(cache)
        table.add_row(f"{UPDATES} updates by uvwatch", *_compared(before, updated))
        _reinstall(stage)
        table.add_row(f"{REINSTALLS} reinstalls by uv", *_compared(updated, _digests(cache)))
        console.print(table)
        if changed := _changed(before, updated):
            raise DemoError(f"uv's cache was written to by updates of uvwatch, in {len(changed)} files: {changed[:5]}")
    finally:
        if former is None:
            del os.environ["UV_CACHE_DIR"]
        else:
            os.environ["UV_CACHE_DIR"] = former


def _update(peer: Peer) -> None:
    for number in range(UPDATES):
        name = f"staticfiles/css/new-{number}.css" if number % 10 == 9 else "staticfiles/css/site.css"  # noqa: PLR2004
        if installed_after(peer, name, f"h1 {{ order: {number} }}\n".encode()) is None:
            raise DemoError(f"{peer.name} never installed {name}")


def _reinstall(stage: Stage) -> None:
    for number in range(REINSTALLS):
        (stage.package / "staticfiles" / "css" / "site.css").write_text(f"h1 {{ order: -{number} }}\n")
        stage.run(*reinstall_command())
