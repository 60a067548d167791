"""The daemon and what it speaks to: the user's hooks and a service manager."""

import json
import os
import socket
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.e2e.conftest import Project
from tests.e2e.lines import PATIENCE

HOOK = "import sys, json; event = json.load(sys.stdin); open('../told', 'a').write(json.dumps(event) + '\\n')"


def with_hooks(project: Project, **settings: str) -> None:
    """Write the hooks' table; each names the interpreter of this test and the code that it runs."""
    lines = [f"{name} = {json.dumps([sys.executable, '-c', code])}" for name, code in settings.items()]
    project.write(
        {"pyproject.toml": project.read("pyproject.toml") + "\n".join(["\n[tool.uvwatch.hooks]", *lines, ""])}
    )


def told(project: Project) -> list[dict[str, Any]]:
    """What the hook was told."""
    return [json.loads(line) for line in (project.root.parent / "told").read_text(encoding="utf-8").splitlines()]


def test_hooks_learn_what_became_of_a_cycle_and_a_slow_one_delays_no_update(tiny: Project) -> None:
    os.mkfifo(tiny.root.parent / "gate")
    with_hooks(tiny, updated=f"{HOOK}; open('../gate', 'w').close()", failed="raise SystemExit('no\\nwonder')")
    assert tiny.uvwatch("sync", "--json").returncode == 0  # nothing to update: no hook
    with tiny.watch("-v") as daemon:
        tiny.edit("src/tiny/a.css", "red", "blue")
        assert daemon.cycle()[-1].startswith("uvwatch: updated tiny in ")
        tiny.edit("src/tiny/__init__.py", "one", "two")
        assert daemon.cycle()[-1].startswith("uvwatch: updated tiny in ")  # the first hook still runs
        assert tiny.installed("tiny/__init__.py") == 'VALUE = "two"\n'
        for _ in range(2):
            (tiny.root.parent / "gate").read_bytes()
        tiny.write({"pyproject.toml": tiny.read("pyproject.toml") + "[[[\n"})
        assert daemon.cycle()[-1].startswith("uvwatch: failed tiny after ")
        failed = daemon.err.until(".*hook.failed")[-1]
        assert "hooks.failed" in failed
        assert "last_line=wonder" in failed
        assert daemon.stop()[-1] == "uvwatch: stopped"
    assert [(event["cycle"], event["outcome"], event["python"]) for event in told(tiny)] == [
        (2, "updated", False),
        (3, "updated", True),
    ]
    assert told(tiny)[0]["distributions"][0]["changed"] == ["tiny/a.css"]


def test_a_sync_by_itself_ends_after_its_hook_whatever_became_of_that(tiny: Project) -> None:
    with_hooks(tiny, updated=f"{HOOK}; raise SystemExit(1)")
    tiny.edit("src/tiny/a.css", "red", "blue")
    done = tiny.uvwatch("sync")
    assert (done.returncode, told(tiny)[0]["outcome"]) == (0, "updated")
    assert "ended with status 1" in done.stderr


def test_a_service_manager_hears_when_it_is_ready_and_when_it_stops(tiny: Project) -> None:
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as manager:
        address = Path(tiny.env["XDG_RUNTIME_DIR"], "notify")
        manager.bind(str(address))
        manager.settimeout(PATIENCE)
        with tiny.having(NOTIFY_SOCKET=str(address)).watch() as daemon:
            said = [manager.recv(4096).decode().splitlines() for _ in range(3)]
            assert said[0] == ["STATUS=updating: checking at start"]
            assert said[2][0] == "READY=1"
            assert daemon.stop() == ["uvwatch: stopped"]
        assert manager.recv(4096).decode().splitlines()[0] == "STOPPING=1"
