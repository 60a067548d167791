"""``uvwatch watch`` beside git: what it waits for, and what it does not wait for twice."""

import os
from pathlib import Path

from tests.e2e.conftest import COMMAND, Project

WHO = ("-c", "user.name=x", "-c", "user.email=x@example.org")


def test_a_worktrees_own_index_lock_holds_updates_and_a_stale_one_does_so_once(tiny: Project, tmp_path: Path) -> None:
    tiny.write({".gitignore": ".venv/\n"})
    tiny.run("git", "init", "--quiet", check=True)
    tiny.run("git", "add", ".", check=True)
    tiny.run("git", *WHO, "commit", "--quiet", "-m", "one", check=True)
    beside = tmp_path / "beside"
    tiny.run("git", "worktree", "add", "--quiet", str(beside), check=True)
    worktree = Project(root=beside, env=tiny.env, prefix=beside / ".venv")
    worktree.uv("sync", "--no-editable")
    lock = tiny.root / ".git" / "worktrees" / "beside" / "index.lock"
    with worktree.watch("--settle-max", "2") as daemon:
        lock.touch()
        worktree.edit("src/tiny/__init__.py", "one", "two")
        assert not daemon.out.come(1)
        lock.unlink()
        daemon.cycle()
        assert worktree.installed("tiny/__init__.py") == 'VALUE = "two"\n'

        # Left behind by a git that was killed: waited for once, named, and not again.
        lock.touch()
        worktree.edit("src/tiny/__init__.py", "two", "three")
        daemon.cycle()
        said = daemon.err.until(".*git.lock_stays")[-1]
        assert str(lock) in said
        assert "remove the file if no git command runs" in said
        worktree.edit("src/tiny/__init__.py", "three", "four")
        daemon.cycle()
        assert worktree.installed("tiny/__init__.py") == 'VALUE = "four"\n'
        daemon.stop()
        assert not [line for line in daemon.err.rest() if "git.lock_stays" in line]


def test_an_audit_in_the_middle_of_gits_work_installs_no_half_of_it(tiny: Project) -> None:
    lock = tiny.root / ".git" / "index.lock"
    lock.parent.mkdir()
    # So often that one comes before the hint of the change.
    with tiny.watch("--audit", "0.01") as daemon:
        lock.touch()
        tiny.edit("src/tiny/__init__.py", "one", "two")
        assert not daemon.out.come(1)
        tiny.edit("src/tiny/a.css", "red", "blue")
        lock.unlink()
        begin, _end = daemon.cycle()
        assert begin.startswith("uvwatch: updating tiny: 2 files changed (")
        assert tiny.installed("tiny/__init__.py") == 'VALUE = "two"\n'


def test_a_hold_that_was_longer_than_settle_max_leaves_time_to_wait_for_git(tiny: Project, tmp_path: Path) -> None:
    lock, gate = tiny.root / ".git" / "index.lock", tmp_path / "gate"
    lock.parent.mkdir()
    os.mkfifo(gate)
    with tiny.watch("--settle-max", "1") as daemon:
        with tiny.start(COMMAND, "hold", "--", "cat", gate) as hold:
            with gate.open("w"):  # once somebody reads it
                tiny.edit("src/tiny/__init__.py", "one", "two")
                assert not daemon.out.come(1.5)
                lock.touch()
            assert hold.ended() == 0
        assert not daemon.out.come(0.4)
        lock.unlink()
        daemon.cycle()
        assert tiny.installed("tiny/__init__.py") == 'VALUE = "two"\n'
        daemon.stop()
        assert not [line for line in daemon.err.rest() if "git.lock_stays" in line]
