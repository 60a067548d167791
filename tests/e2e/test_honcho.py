"""A Procfile under honcho: a server that begins when all is fresh, a build that fails, and the end of all processes."""

import os
import re
import signal
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import COMMAND, Daemon, Project
from tests.e2e.lines import PATIENCE
from tests.e2e.processes import descendants, ended, followed, in_group
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


def await_line(honcho: Daemon, pattern: str) -> None:
    """Wait for a line that may have come before."""
    if not any(re.match(pattern, line) for line in honcho.out.seen):
        honcho.out.until(pattern)


def every_process(lines: list[str], *names: str) -> list[int]:
    """All processes of these, which must be all that honcho has started."""
    running = groups(lines)
    assert sorted(running) == sorted(names)
    return [pid for group in running.values() for leader in in_group(group) for pid in (leader, *descendants(leader))]


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
        await_line(honcho, r".*watch\.1 .*\| uvwatch: ready, ")

        whole = procfile.read("pyproject.toml")
        procfile.write({"pyproject.toml": f"{whole}\nbroken here\n"})
        honcho.out.until(r".*watch\.1 .*\| uvwatch: failed myapp ")
        with followed(every_process(honcho.out.seen, "third", "watch", "web")) as alive:
            # The server is two. A uv that asked about the lock may have come and gone.
            assert sum(not ended(process, 0.0) for process in alive) >= 4
            assert sorted(groups(honcho.out.seen)) == ["third", "watch", "web"]
            assert value(port)["value"] == "two"

            honcho.process.send_signal(signal.SIGTERM)
            last = honcho.out.rest()
            assert any(line.endswith("| uvwatch: stopped") for line in last)
            assert not any("sending SIGKILL" in line for line in last)
            honcho.process.wait()
            assert all(ended(process, PATIENCE) for process in alive)


def test_a_stop_of_the_watch_line_is_a_clean_end_by_which_honcho_ends_the_rest(tiny: Project) -> None:
    server = "web: uvwatch sync && exec .venv/bin/python -u -m http.server --bind 127.0.0.1 0"
    tiny.write({"Procfile": f"{server}\nthird: exec sleep 600\n"})
    project = tiny.having(PATH=os.pathsep.join([str(COMMAND.parent), tiny.env["PATH"]]))
    assert project.uvwatch("init", "procfile", "--write").returncode == 0
    with project.start(HONCHO, "start") as honcho:
        await_line(honcho, r".*watch\.1 .*\| uvwatch: ready, ")
        await_line(honcho, r".*web\.1 .*\| Serving HTTP on 127\.0\.0\.1 ")
        project.write({"src/tiny/new.py": ""})  # a build, whose process stays
        honcho.out.until(r".*watch\.1 .*\| uvwatch: updated tiny in .* \(rebuild: ")
        with followed(every_process(honcho.out.seen, "third", "watch", "web")) as alive:
            assert sum(not ended(process, 0.0) for process in alive) >= 4  # the build's is one

            stopped = project.uvwatch("stop")
            assert (stopped.returncode, stopped.stdout, stopped.stderr) == (0, "", "")
            last = [line.partition("| ")[2] for line in honcho.out.rest()]
            assert last[:2] == ["uvwatch: stopped", "watch.1 stopped (rc=0)"]
            assert not any("sending SIGKILL" in line for line in last)
            assert honcho.process.wait(PATIENCE) == 0
            assert all(ended(process, PATIENCE) for process in alive)
    assert project.uvwatch("status").returncode == 3
