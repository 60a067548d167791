"""A program that keeps the daemon's stdout and does not read it: no update and no stop waits for it."""

import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.e2e.conftest import COMMAND, Project
from tests.e2e.lines import PATIENCE, Lines


def fill(descriptor: int) -> None:
    """Write until no byte fits any more; the pipe stays blocking for who shares it."""
    os.set_blocking(descriptor, False)
    try:
        while os.write(descriptor, b"x" * 4096):
            pass
    except BlockingIOError:
        os.set_blocking(descriptor, True)


@contextmanager
def stalled(project: Project, *argv: str) -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
    """Start a command whose stdout is a pipe that is full already, and give its reading end."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    fill(writer)
    try:
        with subprocess.Popen(
            [COMMAND, *argv],
            cwd=project.root,
            env=dict(project.env),
            stdin=subprocess.DEVNULL,
            stdout=writer,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as process:
            os.close(writer)
            writer = -1
            try:
                yield process, reader
            finally:
                process.kill()
    finally:
        os.close(reader)
        if writer >= 0:
            os.close(writer)


def until_installed(project: Project, value: str, log: Lines) -> None:
    """Wait until the installed copy says so: its lines cannot be waited for."""
    deadline = time.monotonic() + PATIENCE
    while project.installed("tiny/__init__.py") != f'VALUE = "{value}"\n':
        assert time.monotonic() < deadline
        log.come(0.05)


def test_updates_and_the_stop_wait_for_no_reader_and_lines_come_in_order_once_one_reads(tiny: Project) -> None:
    with stalled(tiny, "watch", "-v") as (process, reader):
        assert process.stderr is not None
        log = Lines(process.stderr)
        for old, new in (("one", "two"), ("two", "three")):
            tiny.edit("src/tiny/__init__.py", old, new)
            until_installed(tiny, new, log)
        with os.fdopen(os.dup(reader), "rb") as stream:
            lines = Lines(stream)
            lines.until("x*uvwatch: ready, ")
            lines.until("uvwatch: updated tiny in ")
            process.send_signal(signal.SIGTERM)
            assert lines.rest()[-1] == "uvwatch: stopped"
            assert process.wait(PATIENCE) == 0
        words = [line.lstrip("x").split(" ")[1].rstrip(":,") for line in lines.seen]
        ends = [word for word in words if word in ("updated", "unchanged")]
        assert words.count("updating") == len(ends)


def test_a_stop_is_heard_while_nobody_reads_and_says_what_is_lost(tiny: Project) -> None:
    with stalled(tiny, "watch") as (process, _):
        assert process.stderr is not None
        tiny.edit("src/tiny/__init__.py", "one", "two")
        log = Lines(process.stderr)
        until_installed(tiny, "two", log)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
        [told] = log.rest()
    assert "stdout was not read: " in told
    assert " lines were dropped" in told


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_a_sync_that_nobody_reads_does_its_work_and_can_be_stopped(tiny: Project, arguments: list[str]) -> None:
    tiny.edit("src/tiny/__init__.py", "one", "two")
    with stalled(tiny, "sync", "-v", *arguments) as (process, _):
        assert process.stderr is not None
        until_installed(tiny, "two", Lines(process.stderr))
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) in (-signal.SIGTERM, 128 + signal.SIGTERM)
