"""A Procfile under honcho: a server that begins when all is fresh, a build that fails, and the end of all processes."""

import os
import re
import select
import signal
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import COMMAND, PATIENCE, Project
from tests.e2e.test_server import STARTED, value

HONCHO = Path(sys.executable).with_name("honcho")

PROCFILE = """\
web: uvwatch sync && cd "$HOME" && exec "$OLDPWD/.venv/bin/django-admin" runserver 127.0.0.1:0
third: exec sleep 600
"""


def groups(lines: list[str]) -> dict[str, int]:
    """The process groups that honcho has started, by the names of the processes."""
    found = (re.search(r"\| (\w+)\.1 started \(pid=(\d+)\)", line) for line in lines)
    return {match[1]: int(match[2]) for match in found if match}


def processes(project: Project, group: int) -> list[int]:
    """Give a descriptor for each process of a group; it becomes readable when that process has ended."""
    listed = project.run("ps", "-A", "-o", "pid=,pgid=", check=True).stdout.splitlines()
    return [os.pidfd_open(int(pid)) for pid, pgid in map(str.split, listed) if int(pgid) == group]


def ended(process: int, seconds: float) -> bool:
    """Whether a process ends within so many seconds."""
    return bool(select.select([process], [], [], seconds)[0])


@pytest.fixture
def procfile(django: Project) -> Project:
    """The Django project, stale, with a Procfile that ``init`` has completed."""
    django.uv("sync", "--no-dev", "--no-editable")
    django.edit("myapp/value.py", "one", "two")
    django.write({"Procfile": PROCFILE})
    project = django.having(
        DJANGO_SETTINGS_MODULE="myapp.settings",
        PATH=os.pathsep.join([str(COMMAND.parent), django.env["PATH"]]),
        PYTHONUNBUFFERED="1",
    )
    assert project.uvwatch("init", "procfile", "--write").returncode == 0
    return project


def test_the_server_begins_fresh_a_failed_build_kills_nobody_and_the_end_leaves_nobody(procfile: Project) -> None:
    with procfile.start(HONCHO, "start") as honcho:
        started = honcho.out.until(rf".*web\.1 .*\| {STARTED}")[-1]
        found = re.search(STARTED, started)
        assert found
        port = int(found[1])
        assert (value(port)["value"], value(port)["file"]) == ("two", str(procfile.site / "myapp" / "__init__.py"))
        if not any("uvwatch: ready, " in line for line in honcho.out.seen):
            honcho.out.until(".*uvwatch: ready, ")

        whole = procfile.read("pyproject.toml")
        procfile.write({"pyproject.toml": f"{whole}\nbroken here\n"})
        honcho.out.until(r".*watch\.1 .*\| uvwatch: failed myapp ")
        running = groups(honcho.out.seen)
        assert sorted(running) == ["third", "watch", "web"]
        alive = [process for group in running.values() for process in processes(procfile, group)]
        assert len(alive) >= 4  # the server is two
        assert not any(ended(process, 0.0) for process in alive)
        assert value(port)["value"] == "two"

        honcho.process.send_signal(signal.SIGTERM)
        last = honcho.out.rest()
        assert any(line.endswith("| uvwatch: stopped") for line in last)
        assert not any("sending SIGKILL" in line for line in last)
        honcho.process.wait()
        assert all(ended(process, PATIENCE) for process in alive)
        for process in alive:
            os.close(process)
