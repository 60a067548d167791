"""What uv had to make, or to make again, is told as an update: in the events, to the hooks, and in the mode it had."""

import json
import sys
from typing import Any

from tests.e2e.conftest import Daemon, Project

TELL = "import json, sys; print('told:', json.load(sys.stdin)['outcome'])"


def updated(daemon: Daemon) -> dict[str, Any]:
    """What became of the one distribution in the next cycle that updated something, failing in between or not."""
    while True:
        event = json.loads(daemon.out.until('.*"event":"cycle.finished"')[-1])
        assert event["outcome"] != "unchanged", event
        if event["outcome"] == "updated":
            (one,) = event["distributions"]
            return dict(one)


def test_what_was_removed_and_made_again_is_an_update_with_its_files_and_its_hook_runs(tiny: Project) -> None:
    hook = json.dumps([sys.executable, "-c", TELL])
    tiny.edit("pyproject.toml", "[project]", f"[tool.uvwatch]\nhooks.updated = {hook}\n\n[project]")
    tiny.uv("sync", "--no-editable")
    files = ["tiny/__init__.py", "tiny/a.css"]

    with tiny.watch("--json", "-v") as daemon:
        tiny.prefix.rename(tiny.root.parent / "gone")
        one = updated(daemon)
        assert (one["action"], one["reason"]) == ("reinstall", "there was no environment")
        daemon.err.until(".*hook.output.*told: updated")
        assert [path for path in one["added"] if ".dist-info/" not in path] == files

        tiny.uv("pip", "uninstall", "tiny")
        one = updated(daemon)
        assert (one["action"], one["reason"]) == ("reinstall", "tiny was not installed")
        daemon.err.until(".*hook.output.*told: updated")
        assert [path for path in one["added"] if ".dist-info/" not in path] == files
        daemon.stop()


def test_an_environment_that_lost_its_interpreter_comes_back_in_the_mode_that_was_remembered(tiny: Project) -> None:
    assert tiny.uvwatch("sync").returncode == 0
    for python in (tiny.prefix / "bin").glob("python*"):
        python.unlink()

    done = tiny.uvwatch("sync")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "(reinstall: " in done.stdout
    assert tiny.installed("tiny/__init__.py") == 'VALUE = "one"\n'
