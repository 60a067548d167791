import io
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

import pytest

from tests.serving.conftest import Pipe
from uvwatch.serving.stream import ErrLines, OutLines, StdoutClosed, sink_of


def test_a_line_is_there_at_once_and_in_utf_8(pipe: Pipe) -> None:
    OutLines(pipe.writer).line("größer \udcff")

    assert pipe.read() == "größer \\udcff\n".encode()


def test_a_pipe_that_nobody_reads_any_more_is_a_closed_stdout(pipe: Pipe) -> None:
    os.close(pipe.reader)
    pipe.reader = -1

    with pytest.raises(StdoutClosed, match="Broken pipe"):
        OutLines(pipe.writer).line("text")


def test_a_closed_stream_is_a_closed_stdout(pipe: Pipe) -> None:
    pipe.writer.close()

    with pytest.raises(StdoutClosed):
        OutLines(pipe.writer).line("text")


def test_no_stream_at_all_is_a_closed_stdout() -> None:
    with pytest.raises(StdoutClosed):
        OutLines(sink_of(None)).line("text")


def test_a_full_device_is_a_closed_stdout() -> None:
    with FileIO("/dev/full", "w") as full, pytest.raises(StdoutClosed, match="No space"):
        OutLines(full).line("text")


def test_a_non_blocking_stdout_loses_nothing_while_its_reader_is_slow(pipe: Pipe) -> None:
    os.set_blocking(pipe.writer.fileno(), False)
    text = "0123456789" * 100_000
    seen = bytearray()

    def read() -> None:
        while received := pipe.read(4096):
            seen.extend(received)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        OutLines(pipe.writer).line(text)
    finally:
        pipe.writer.close()
        reader.join()

    assert seen.decode() == text + "\n"


def test_stderr_takes_long_lines_whole(pipe: Pipe) -> None:
    ErrLines(pipe.writer).line("x" * 5000)

    assert pipe.read() == b"x" * 5000 + b"\n"


def test_stderr_that_nobody_reads_loses_lines_and_works_again_once_it_is_read(pipe: Pipe) -> None:
    lines = ErrLines(pipe.writer)
    size = pipe.fill()

    began = time.monotonic()
    for _ in range(1000):
        lines.line("lost")
    took = time.monotonic() - began
    left = pipe.read(size)
    lines.line("seen")

    assert took < 20  # seconds; a line that waited each time would make it 200
    assert left == b"x" * size
    assert pipe.read() == b"seen\n"


def test_a_closed_stderr_is_no_error(pipe: Pipe) -> None:
    os.close(pipe.reader)
    pipe.reader = -1
    lines = ErrLines(pipe.writer)

    lines.line("lost")
    pipe.writer.close()
    lines.line("lost")
    ErrLines(sink_of(None)).line("lost")

    assert select.select([], [], [], 0) == ([], [], [])


def test_a_full_device_as_stderr_is_no_error() -> None:
    with FileIO("/dev/full", "w") as full:
        ErrLines(full).line("lost")

        assert full.tell() == 0


def test_the_guard_is_around_every_line(pipe: Pipe) -> None:
    lines = ErrLines(pipe.writer)

    @contextmanager
    def guard() -> Iterator[None]:
        pipe.writer.write(b"<")
        yield
        pipe.writer.write(b">")

    lines.guard = guard
    lines.line("a")
    lines.line("b")

    assert pipe.read() == b"<a\n><b\n>"


def test_what_was_printed_before_comes_first_and_a_stream_in_memory_will_do() -> None:
    memory = io.BytesIO()
    stream = io.TextIOWrapper(memory, encoding="ascii")
    stream.write("first\n")

    sink = sink_of(stream)
    OutLines(sink).line("second ü")
    ErrLines(sink).line("third")

    assert memory.getvalue().decode() == "first\nsecond ü\nthird\n"


PROGRAM = """
import sys
from uvwatch.serving.stream import OutLines, StdoutClosed, sink_of
out = OutLines(sink_of(sys.stdout))
out.line("grün")
sys.stdin.readline()
try:
    out.line("second")
except StdoutClosed:
    print("clean stop", file=sys.stderr)
"""


def test_a_program_whose_stdout_is_closed_ends_without_noise_in_any_locale(tmp_path: Path) -> None:
    env = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
    program = tmp_path / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    with subprocess.Popen(
        [sys.executable, program], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None

        first = process.stdout.readline()
        process.stdout.close()
        process.stdin.write(b"\n")
        process.stdin.flush()
        noise = process.stderr.read()

    assert first.decode() == "grün\n"
    assert noise == b"clean stop\n"
    assert process.returncode == 0
