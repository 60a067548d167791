"""Fresh interpreters import the installed package while it is updated, by uvwatch and then by uv's reinstall.

An interpreter that starts after an update was installed must see it: a stale ``.pyc`` would show the code before. All
changed files have the size that they had before, and several updates fall into one second.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import uv
from bench_process import Watcher
from demo_stage import DemoError, Stage, prepare
from torture_equal import COMMAND, REINSTALL, forget_the_callers
from torture_reader import CODE, Verdict, judge, written

PATIENCE = 60.0
"""Seconds that one update may take."""
LAST = 20
"""Interpreters started after the last update."""
END = re.compile(r"^uvwatch: (updated|unchanged|failed)\b.*$", re.MULTILINE)


@dataclass(slots=True)
class Readers:
    """Starts one interpreter after the other in a thread of its own, away from the tree, and judges each."""

    stage: Stage
    verdicts: Counter[Verdict] = field(default_factory=Counter)
    floor: int = 0
    ceiling: int = 0
    first_failure: str = ""
    _ended: threading.Event = field(default_factory=threading.Event)

    def one(self) -> None:
        """Start an interpreter, wait for its end and count its verdict."""
        floor = self.floor
        done = subprocess.run(
            [str(self.stage.project / ".venv" / "bin" / "python"), "-c", CODE],
            cwd=self.stage.home / "server",
            capture_output=True,
            text=True,
            check=False,
        )
        verdict = judge(
            status=done.returncode,
            output=done.stdout,
            site=str(self._site),
            floor=floor,
            ceiling=self.ceiling,
        )
        self.verdicts[verdict] += 1
        if verdict is not Verdict.FINE and not self.first_failure:
            last = (done.stderr.splitlines() or [""])[-1]
            self.first_failure = f"{verdict.value}, after update {floor}: {done.stdout!r} {last}"

    @property
    def _site(self) -> Path:
        (site,) = self.stage.project.glob(".venv/lib/python*/site-packages")
        return site / "myapp"

    def loop(self) -> None:
        """Go on until ``end``."""
        while not self._ended.is_set():
            self.one()

    def end(self) -> None:
        """Let the loop end."""
        self._ended.set()


def torture(*, imports: int, updates: int, alone: bool) -> int:
    """Run both, print what happened, return the exit status: 1 if an import failed or saw old code under uvwatch."""
    status = under_uvwatch(imports=imports, updates=updates)
    if not alone:
        under_uv(imports=imports)
    return status


def under_uvwatch(*, imports: int, updates: int) -> int:
    """Import while ``uvwatch watch`` keeps the copy fresh."""
    home = Path(tempfile.mkdtemp(prefix="uvwatch-torture-"))
    stage = _stage(home)
    watcher = Watcher([str(COMMAND), "watch"], stage.project, home / "watch.log")
    try:
        _until(lambda: "uvwatch: ready" in watcher.log.read_text(encoding="utf-8"), watcher)
        readers = _run(stage, imports, updates, lambda number: _followed(stage, watcher, number))
    finally:
        watcher.close()
    ends = [line[0] for line in END.finditer(watcher.log.read_text(encoding="utf-8"))]
    actions = Counter(action for line in ends for action in re.findall(r"\((patch|rebuild|reinstall)\b", line))
    print("  actions:", ", ".join(f"{action} {count}" for action, count in sorted(actions.items())), flush=True)
    if readers.verdicts.total() != readers.verdicts[Verdict.FINE]:
        print(f"left in {home}")
        return 1
    shutil.rmtree(home)
    return 0


def under_uv(*, imports: int) -> None:
    """Import while uv's targeted reinstall follows each change, as a file watcher would call it."""
    home = Path(tempfile.mkdtemp(prefix="uvwatch-torture-"))
    stage = _stage(home)
    _run(stage, imports, 0, lambda _number: _reinstalled(stage))
    shutil.rmtree(home)


def _stage(home: Path) -> Stage:
    stage = Stage(home=home)
    prepare(stage)
    _write(stage, 0)
    _reinstalled(stage)
    return stage


def _write(stage: Stage, number: int) -> None:
    for name, text in written(number).items():
        path = stage.package / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _reinstalled(stage: Stage) -> None:
    stage.run(uv.find_uv_bin(), *REINSTALL)


def _followed(stage: Stage, watcher: Watcher, number: int) -> None:
    """Wait until an update is installed: all its bytes, and the line that ends the cycle."""

    def installed() -> bool:
        texts = written(number)
        lines = [line for line in watcher.log.read_text(encoding="utf-8").splitlines() if line.startswith("uvwatch: ")]
        return END.match(lines[-1]) is not None and all(
            (stage.installed / name).is_file() and (stage.installed / name).read_text(encoding="utf-8") == text
            for name, text in texts.items()
        )

    _until(installed, watcher)


def _until(condition: Callable[[], bool], watcher: Watcher) -> None:
    """Ask again and again until the condition holds.

    Raises:
        DemoError: it does not in time, or the program ended.
    """
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline or not watcher.running:
            raise DemoError(f"no update:\n{watcher.log.read_text(encoding='utf-8', errors='replace')}")
        time.sleep(0.005)


def _run(stage: Stage, imports: int, updates: int, install: Callable[[int], None]) -> Readers:
    """Update and import side by side until there were enough of both, then import some more; print the sums."""
    readers = Readers(stage=stage)
    threads = [threading.Thread(target=readers.loop) for _ in range(os.cpu_count() or 1)]
    for thread in threads:
        thread.start()
    number = 0
    begin = time.monotonic()
    try:
        while number < updates or readers.verdicts.total() < imports:
            number += 1
            readers.ceiling = number
            _write(stage, number)
            install(number)
            readers.floor = number
    finally:
        readers.end()
        for thread in threads:
            thread.join()
    seconds = time.monotonic() - begin
    for _ in range(LAST):
        readers.one()
    by = "uvwatch" if updates else "uv's reinstall"
    sums = ", ".join(f"{readers.verdicts[verdict]} {verdict.value}" for verdict in Verdict)
    print(f"{by}: {number} updates in {seconds:.0f} s, {readers.verdicts.total()} imports: {sums}", flush=True)
    if readers.first_failure:
        print(f"  the first: {readers.first_failure}", flush=True)
    return readers


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(prog="scripts/torture import", description=__doc__, allow_abbrev=False)
    parser.add_argument("--imports", type=int, default=1000, help="at least so many")
    parser.add_argument("--updates", type=int, default=100, help="at least so many by uvwatch")
    parser.add_argument("--alone", action="store_true", help="without uv's reinstall beside it")
    given = parser.parse_args()
    forget_the_callers()
    return torture(imports=given.imports, updates=given.updates, alone=given.alone)


if __name__ == "__main__":
    sys.exit(main())
