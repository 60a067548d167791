"""One watching program under measurement: started, read from /proc, ended with all that it started.

Knows Linux's /proc; knows nothing of what is measured or of uvwatch.
"""

import contextlib
import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Processor time so far in seconds, of the process and what it started; resident memory now in MiB."""

    seconds: float
    own_mib: float
    all_mib: float


class Watcher:
    """A long-running program in its own session; its output goes to a file."""

    def __init__(self, argv: list[str], directory: Path, log: Path) -> None:
        self.log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                argv, cwd=directory, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )

    @property
    def running(self) -> bool:
        """Whether the program itself still runs."""
        return self._process.poll() is None

    def usage(self) -> Usage:
        """Read what the program and its children have used (proc_pid_stat(5), proc_pid_status(5))."""
        own = self._process.pid
        members = _family(own)
        ticks = sum(_ticks(pid) for pid in members)
        memory = {pid: _resident_mib(pid) for pid in members}
        return Usage(seconds=ticks / os.sysconf("SC_CLK_TCK"), own_mib=memory[own], all_mib=sum(memory.values()))

    def close(self) -> None:
        """End the program, which gets 10 s for it, and whatever is left of its session's process group."""
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)


def _fields(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat that follow the name, which may hold blanks; empty where it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return []
    return text.rpartition(")")[2].split()


def _family(ancestor: int) -> list[int]:
    """Return the process and all that descend from it, the process itself first."""
    parents = {
        int(entry.name): int(fields[1])
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and (fields := _fields(int(entry.name)))
    }
    family = [ancestor]
    for member in family:  # grows while it is read
        family.extend(pid for pid, parent in parents.items() if parent == member)
    return family


def _ticks(pid: int) -> int:
    """Processor time of a process and its ended children, in clock ticks: utime, stime, cutime, cstime."""
    return sum(map(int, _fields(pid)[11:15]))


def _resident_mib(pid: int) -> float:
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    values = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")]
    return int(values[0]) / 1024 if values else 0.0
