"""A cause outside of the project: the cycle fails with one sentence, the copy stays whole, a retry makes it good."""

import errno
import os
import re
import resource
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from uv import find_uv_bin

from tests.e2e.conftest import COMMAND, TINY, Daemon, Make, Project
from tests.e2e.told import next_cycle, wait_until

SMALL_DISK = (
    'mount -t tmpfs -o size=4m none .venv && "$1" sync --quiet --no-editable && exec "$2" watch --json --audit 0'
)
"""Makes the environment on a file system of its own, which no other process sees, and watches."""


def test_a_lock_that_cannot_be_taken_fails_the_cycle_and_a_retry_makes_it_good_without_a_change(tiny: Project) -> None:
    lock = tiny.prefix / ".lock"
    with tiny.watch("--json", "--audit", "0") as daemon:
        lock.unlink(missing_ok=True)
        lock.mkdir()
        tiny.edit("src/tiny/a.css", "red", "blue")
        failed = next_cycle(daemon)
        assert (failed.trigger, failed.outcome) == ("change", "failed")
        assert failed.error["kind"] == "environment"
        assert str(lock) in failed.error["message"]
        assert tiny.installed("tiny/a.css") == TINY["src/tiny/a.css"]
        lock.rmdir()
        good = next_cycle(daemon)
        assert (good.number, good.trigger, good.outcome) == (failed.number + 1, "retry", "updated")
        assert tiny.installed("tiny/a.css") == tiny.read("src/tiny/a.css")


def test_settings_that_cannot_be_looked_at_fail_the_cycle_until_they_can_be(make: Make) -> None:
    project = make(
        {
            "pyproject.toml": '[tool.uv.workspace]\nmembers = ["one"]\n',
            **{f"one/{name}": text for name, text in TINY.items()},
        }
    )
    project.uv("sync", "--all-packages", "--no-editable")
    settings = project.root / "one" / "pyproject.toml"
    aside = settings.with_suffix(".aside")
    with project.watch("--json", "--audit", "0") as daemon:
        settings.rename(aside)
        settings.symlink_to("x" * 256)  # as in a directory of another user's; this even root cannot look at
        project.write({"one/src/tiny/new.css": ""})
        failed = next_cycle(daemon)
        assert failed.outcome == "failed"
        assert "pyproject.toml" in (failed.error["path"] or failed.error["message"])
        aside.replace(settings)
        while (cycle := next_cycle(daemon)).outcome != "updated":
            assert cycle.number < failed.number + 5
        assert project.installed("tiny/new.css") == ""


class SmallDisk:
    """The disk of a daemon's environment, which can be full; or, where nobody may mount one, the like of it."""

    def __init__(self, project: Project, daemon: Daemon, *, mounted: bool) -> None:
        self._pid = daemon.process.pid
        self._mounted = mounted
        self.error = os.strerror(errno.ENOSPC if mounted else errno.EFBIG)
        seen = Path(f"/proc/{self._pid}/root{project.prefix}") if mounted else project.prefix
        self.project = replace(project, prefix=seen)
        self._filler = seen / "filler"

    def fill(self) -> None:
        """Leave no room."""
        if not self._mounted:
            resource.prlimit(self._pid, resource.RLIMIT_FSIZE, (8, resource.RLIM_INFINITY))
            return
        with pytest.raises(OSError, match=self.error):
            self._write_on()

    def _write_on(self) -> None:
        with self._filler.open("wb", buffering=0) as filler:
            while filler.write(bytes(1 << 16)):
                pass

    def free(self) -> None:
        """Have room again."""
        if self._mounted:
            self._filler.unlink()
        else:
            resource.prlimit(self._pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def test_a_disk_that_fills_keeps_the_old_copy_whole_and_is_made_good_when_there_is_room(make: Make) -> None:
    project = make(TINY)
    own_mounts = ["unshare", "--user", "--map-root-user", "--mount"]
    mounted = bool(shutil.which("unshare")) and not subprocess.run([*own_mounts, "true"], check=False).returncode
    if mounted:
        project.prefix.mkdir()
        command = [*own_mounts, "sh", "-c", SMALL_DISK, "sh", find_uv_bin(), str(COMMAND)]
    else:
        project.uv("sync", "--no-editable")
        command = [str(COMMAND), "watch", "--json", "--audit", "0"]
    with project.start(*command) as daemon:
        daemon.out.until(r'\{.*"event":"ready"')
        disk = SmallDisk(project, daemon, mounted=mounted)
        files = sorted(path for path in disk.project.prefix.rglob("*") if ".uvwatch" not in path.parts)
        disk.fill()
        project.write({"src/tiny/__init__.py": 'VALUE = "two"\n', "src/tiny/a.css": "a { color: blue }\n" * 1000})
        failed = next_cycle(daemon)
        assert failed.outcome == "failed"
        assert failed.error["message"].startswith(f"{project.prefix}/.uvwatch/redo/tiny (for tiny/")
        assert failed.error["message"].endswith(disk.error)
        assert disk.project.installed("tiny/__init__.py") == TINY["src/tiny/__init__.py"]
        assert disk.project.installed("tiny/a.css") == TINY["src/tiny/a.css"]
        there = sorted(path for path in disk.project.prefix.rglob("*") if ".uvwatch" not in path.parts)
        assert [path for path in there if path.name != "filler"] == files
        disk.free()
        good = next_cycle(daemon)
        assert (good.number, good.trigger, good.outcome) == (failed.number + 1, "retry", "updated")
        for name in ("__init__.py", "a.css"):
            assert disk.project.installed(f"tiny/{name}") == project.read(f"src/tiny/{name}")


def test_a_temporary_directory_that_is_taken_away_fails_what_needs_one_and_is_used_again_once_it_is_back(
    make: Make, tmp_path: Path
) -> None:
    hooked = TINY["pyproject.toml"] + '[tool.uvwatch]\nhooks.updated = ["touch", "hooked"]\nignore = ["/hooked"]\n'
    project = make({**TINY, "pyproject.toml": hooked})
    project.uv("sync", "--no-editable")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with project.having(TMPDIR=str(temporary)).watch("--json", "--audit", "0") as daemon:
        temporary.rmdir()
        project.edit("src/tiny/a.css", "red", "blue")
        assert next_cycle(daemon).outcome == "updated"
        assert re.search(r"hook\.failed.*No such file", daemon.err.until(r".*hook\.failed")[-1])
        project.write({"src/tiny/new.py": "NEW = 1\n"})
        failed = next_cycle(daemon)
        assert failed.error["kind"] == "io"
        assert re.search(rf"\({temporary}/uvwatch-\w+: No such file.*TMPDIR", failed.error["message"])
        temporary.mkdir()
        good = next_cycle(daemon)
        assert (good.number, good.trigger, good.outcome) == (failed.number + 1, "retry", "updated")
        wait_until((project.root / "hooked").exists, "the hook ran")
        assert list(temporary.iterdir()) == []
