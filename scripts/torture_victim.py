"""A ``uvwatch watch`` that is to be killed: started, followed, killed by SIGKILL, and what it leaves behind.

Knows how to find what a killed process had started (all that inherited its mark), and what the environment shows of an
update that was cut off. It chooses no moment and judges nothing. Linux only: it reads /proc.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from torture_tree import COMMAND, Watched, variables

MARK = "TORTURE_VICTIM"
"""The variable by which all that a victim started is known."""

POLL = 0.005


class Phase(Enum):
    """How far the update had come, as far as the disk and the processes tell."""

    BEFORE = "before anything was staged"
    BUILD = "during a build"
    STAGED = "staged, before the mark"
    MARKED = "after the mark"
    UV = "during uv's reinstall"
    OVER = "when all was in place"


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What a kill left: how far the update was, and the commands of what still ran by their process."""

    phase: Phase
    running: dict[int, str]


@contextlib.contextmanager
def victim(project: Path, log: Path, mark: str, patience: float) -> Iterator[Watched]:
    """Run ``uvwatch watch`` on a project; whatever is left of it at the end of the block is killed.

    Args:
        project: the source tree.
        log: gets what it says on stderr.
        mark: a word that no other victim has.
        patience: seconds that anything awaited may take.
    """
    with (
        log.open("ab") as stderr,
        subprocess.Popen(
            [str(COMMAND), "watch", "--json", "-v", "--settle", "0.05", "--audit", "0"],
            cwd=project,
            env={**variables(), MARK: mark},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
        ) as process,
    ):
        watched = Watched(process=process, log=log, calm=0.3, patience=patience)
        watched.follow()
        try:
            yield watched
        finally:
            process.kill()
            for pid in running(mark):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def kill(watched: Watched, prefix: Path, mark: str, *, before: bytes) -> Left:
    """Kill the daemon alone, at once, and look at what it leaves; ``before`` is RECORD as the update found it."""
    builds = hooks(mark, watched.process.pid)
    watched.process.kill()
    watched.process.wait()
    left = running(mark)
    return Left(phase=_phase(prefix, left, before, builds=builds), running=left)


def _phase(prefix: Path, left: dict[int, str], before: bytes, *, builds: bool) -> Phase:
    if any("--reinstall-package" in command for command in left.values()):
        return Phase.UV
    if any((prefix / ".uvwatch" / "redo").glob("*/log")):
        return Phase.MARKED
    if staged(prefix):
        return Phase.STAGED
    if record(prefix) != before:
        return Phase.OVER
    return Phase.BUILD if builds else Phase.BEFORE


def staged(prefix: Path) -> bool:
    """Whether a file lies where updates are staged."""
    return any((prefix / ".uvwatch" / "redo").glob("*/*"))


def record(prefix: Path) -> bytes:
    """RECORD of the example's installed copy, empty where there is none at this moment."""
    for path in prefix.glob("lib/python*/site-packages/myapp-*.dist-info/RECORD"):
        with contextlib.suppress(FileNotFoundError):
            return path.read_bytes()
    return b""


def hooks(mark: str, daemon: int) -> bool:
    """Whether a build runs at this moment: a process that the daemon's own child has started (a zygote's hook)."""
    family = {pid: _parent(pid) for pid in running(mark) if pid != daemon}
    return any(parent in family for parent in family.values())


def _parent(pid: int) -> int:
    try:
        return int(
            Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1]
        )
    except (FileNotFoundError, ProcessLookupError):
        return 0


def running(mark: str) -> dict[int, str]:
    """The processes that inherited the mark, by their command; one that has ended and is not reaped is none."""
    wanted = f"{MARK}={mark}".encode()
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return found


def gone(mark: str, patience: float) -> float | None:
    """Wait until nothing of a killed daemon runs; return the seconds that it took, None if something still does."""
    began = time.monotonic()
    while running(mark):
        if time.monotonic() > began + patience:
            return None
        time.sleep(POLL)
    return time.monotonic() - began
