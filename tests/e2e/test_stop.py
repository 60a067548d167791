"""How ``uvwatch watch`` ends: by a signal when idle or during an update, by a second one, and when nobody reads."""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.e2e.conftest import COMMAND, Gate, Project
from tests.e2e.lines import PATIENCE
from tests.e2e.processes import descendants, ended, followed

HONCHO = 5.0
"""Seconds after which honcho kills what it has told to stop; a stop is promised to take three at the most."""


@contextmanager
def before_honcho_kills() -> Iterator[None]:
    """Fail if the body takes so long that honcho would have killed whom it stops."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began < HONCHO


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_an_idle_daemon_cleanly(tiny: Project, number: int) -> None:
    with tiny.watch() as daemon:
        with before_honcho_kills():
            assert daemon.stop(number) == ["uvwatch: stopped"]
        assert daemon.ended() == 0
        assert daemon.err.rest() == []


INSTALLERS = pytest.mark.parametrize("installer", ["auto", "uv"])


DEAF = """\
import signal

for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.SIG_IGN)
"""
"""Makes a build one that no signal ends but SIGKILL."""


def change(web: Project) -> None:
    """Change what takes a build, with either installer: a patch would be over before anybody could stop it."""
    web.write({"web/more.py": "more = True\n"})
    web.edit("web/__init__.py", "one", "two")


@pytest.mark.parametrize(
    ("number", "installer"),
    [
        (signal.SIGINT, "auto"),
        (signal.SIGTERM, "auto"),
        (signal.SIGHUP, "auto"),
        (signal.SIGINT, "uv"),
        (signal.SIGTERM, "uv"),
    ],
)
def test_a_signal_during_an_update_ends_all_in_time_and_leaves_the_environment_whole(
    web: Project, close_gate: Callable[[], Gate], number: int, installer: str
) -> None:
    web.edit("hatch_build.py", "import os\n", f"import os\n{DEAF}")
    assert web.uvwatch("sync").returncode == 0
    with web.watch("--installer", installer) as daemon:
        gate = close_gate()
        change(web)
        building = gate.knock()
        with followed(descendants(daemon.process.pid)) as children:
            assert len(children) >= 2  # the zygote or uv, and the build
            with before_honcho_kills():
                begin, *between, last = daemon.stop(number)
            assert all(ended(child, PATIENCE) for child in children)
        assert begin.startswith("uvwatch: updating web: ")
        assert [line.split(" ")[1] for line in between] == ["failed"]
        assert last == "uvwatch: stopped"
        assert daemon.ended() == 0
        assert building.recv(1) == b""  # no process holds the connection
        gate.open()
    assert web.python("import web; print(web.VALUE)") == "one"
    assert web.uvwatch("check").stdout.splitlines()[0] == "web is stale: 2 files"
    with web.watch() as daemon:
        assert daemon.out.seen[1].endswith(": 1 changed, 1 added)")
    assert web.python("import web; print(web.VALUE)") == "two"


def test_a_second_interrupt_ends_it_at_once_with_its_children(web: Project, close_gate: Callable[[], Gate]) -> None:
    # uv, which is given the time to end by itself: a build of our own ends at once at the first interrupt.
    assert web.uvwatch("sync").returncode == 0
    with web.watch("--installer", "uv") as daemon:
        gate = close_gate()
        change(web)
        building = gate.knock()
        # Two interrupts that wait together are one to the kernel: press the keys until it is gone, as a user does.
        while daemon.process.poll() is None:
            daemon.send(signal.SIGINT)
            with_patience(daemon.process, 0.2)
        assert daemon.ended() == 130
        assert building.recv(1) == b""
        gate.open()
    assert web.python("import web; print(web.VALUE)") == "one"
    assert web.uvwatch("sync").returncode == 0
    assert web.python("import web; print(web.VALUE)") == "two"


def with_patience(process: "subprocess.Popen[bytes]", seconds: float) -> None:
    """Wait for the end of a process for so long."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return


@INSTALLERS
def test_a_daemon_that_was_killed_is_no_obstacle_and_the_next_one_heals(
    web: Project, close_gate: Callable[[], Gate], installer: str
) -> None:
    assert web.uvwatch("sync").returncode == 0
    with web.watch("--installer", installer) as daemon:
        gate = close_gate()
        change(web)
        building = gate.knock()
        daemon.send(signal.SIGKILL)
        assert daemon.ended() == -signal.SIGKILL
        gate.open()
        building.close()
        with web.watch() as successor:
            assert "failed" not in "".join(successor.out.seen)
            assert web.python("import web; print(web.VALUE)") == "two"
            assert web.uvwatch("check").stdout == "web is fresh\n"


@pytest.mark.parametrize("has_a_line_to_write", [True, False])
def test_it_stops_cleanly_when_nobody_reads_its_lines_any_more(tiny: Project, *, has_a_line_to_write: bool) -> None:
    with subprocess.Popen(
        [COMMAND, "watch"],
        cwd=tiny.root,
        env=dict(tiny.env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as daemon:
        reader = subprocess.run(
            ["head", "-n", "3"], stdin=daemon.stdout, capture_output=True, timeout=PATIENCE, check=True
        )
        assert reader.stdout.splitlines()[2].startswith(b"uvwatch: ready, ")
        assert daemon.stdout is not None
        daemon.stdout.close()
        if has_a_line_to_write:
            tiny.edit("src/tiny/__init__.py", "one", "two")
        try:
            assert daemon.wait(PATIENCE) == 0
        finally:
            daemon.kill()
        assert daemon.stderr is not None
        assert daemon.stderr.read() == b""
    assert tiny.uvwatch("sync").returncode == 0
