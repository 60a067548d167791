import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest
import structlog

from uvwatch import log


class Stderr:
    """A text stream in memory that is, or is not, called a terminal."""

    def __init__(self, *, tty: bool) -> None:
        self._memory = io.BytesIO()
        self.stream = Stream(self._memory, encoding="ascii")
        self.stream.tty = tty

    def text(self) -> str:
        return self._memory.getvalue().decode("utf-8")


class Stream(io.TextIOWrapper):
    tty = False

    def isatty(self) -> bool:
        return self.tty


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    yield
    log.share(nullcontext)
    structlog.reset_defaults()


@pytest.fixture
def stderr() -> Stderr:
    return Stderr(tty=False)


def configure(
    stderr: Stderr,
    *,
    verbosity: int = 0,
    quiet: bool = False,
    log_format: str = "auto",
    color: str = "auto",
    env: dict[str, str] | None = None,
) -> None:
    log.configure(verbosity, quiet, log_format, color, stderr=stderr.stream, env=env or {})


@pytest.mark.parametrize(
    ("verbosity", "quiet", "expected"),
    [
        (0, False, ["warning", "error"]),
        (1, False, ["info", "warning", "error"]),
        (2, False, ["debug", "info", "warning", "error"]),
        (5, False, ["debug", "info", "warning", "error"]),
        (0, True, ["error"]),
        (2, True, ["error"]),
    ],
)
def test_the_options_choose_the_level(stderr: Stderr, verbosity: int, expected: list[str], *, quiet: bool) -> None:
    configure(stderr, verbosity=verbosity, quiet=quiet, log_format="json")
    logger = structlog.get_logger()

    for level in ("debug", "info", "warning", "error"):
        getattr(logger, level)("any.event")

    assert [json.loads(line)["level"] for line in stderr.text().splitlines()] == expected


def test_a_line_has_time_level_name_and_keys(stderr: Stderr) -> None:
    configure(stderr, verbosity=1)

    structlog.get_logger().info("update.finished", duration_ms=84.1, distribution="grün")

    time, level, rest = stderr.text().split(maxsplit=2)
    assert time.endswith("Z")
    assert level == "[info"
    assert rest.split() == ["]", "update.finished", "duration_ms=84.1", "distribution=grün"]


def test_a_message_is_told_as_a_sentence_after_the_name(stderr: Stderr) -> None:
    configure(stderr)

    structlog.get_logger().warning("hook.failed", hook="updated", message="it took\ntoo long")

    assert stderr.text().split("] ")[1] == "hook.failed: it took\\x0atoo long hook=updated\n"


def test_a_warning_is_told_under_its_code_with_its_remedy_last(stderr: Stderr) -> None:
    configure(stderr)

    structlog.get_logger().warning(
        "warning", code="polling", distribution="myapp", message="no events here", remedy="`uvwatch sync` looks"
    )

    told = "polling: no events here distribution=myapp remedy='`uvwatch sync` looks'\n"
    assert stderr.text().split("] ")[1] == told


def test_json_has_the_same_as_an_object_and_takes_any_value(stderr: Stderr) -> None:
    configure(stderr, log_format="json", color="always")

    structlog.get_logger().warning("update.finished", duration_ms=84.1, path=Path("a"), name="\udcff\n")

    line = json.loads(stderr.text())
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "update.finished",
        "level": "warning",
        "duration_ms": 84.1,
        "path": repr(Path("a")),
        "name": "\\xff\n",
    }


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_no_value_breaks_a_line(stderr: Stderr, log_format: str) -> None:
    configure(stderr, log_format=log_format)

    structlog.get_logger().warning("a\nb", plain="\x1b[31m\r\n\x85", spaced="a b\x07\n\udcff", values=["\n\x1b", b"\n"])

    text = stderr.text()
    assert len(text.splitlines()) == 1
    assert not any(ord(character) < 32 for character in text.rstrip("\n"))


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_a_traceback_is_told_without_control_characters(stderr: Stderr, log_format: str) -> None:
    configure(stderr, log_format=log_format)

    try:
        int("bad \x1b[31m value")
    except ValueError:
        structlog.get_logger().exception("any.event")

    assert "ValueError: invalid literal" in stderr.text()
    assert "\x1b" not in stderr.text()


@pytest.mark.parametrize(
    ("tty", "log_format", "color", "env", "expected"),
    [
        (True, "auto", "auto", {}, True),
        (False, "auto", "auto", {}, False),
        (False, "console", "always", {}, True),
        (True, "console", "auto", {"NO_COLOR": "1"}, False),
        (True, "auto", "never", {}, False),
        (True, "json", "always", {}, False),
    ],
)
def test_colours_are_for_terminals_or_on_demand(
    log_format: str, color: str, env: dict[str, str], *, tty: bool, expected: bool
) -> None:
    stderr = Stderr(tty=tty)
    configure(stderr, log_format=log_format, color=color, env=env)

    structlog.get_logger().warning("any.event")

    assert ("\x1b[" in stderr.text()) is expected


def test_a_logger_made_before_follows_a_later_configuration(stderr: Stderr) -> None:
    logger = structlog.get_logger()
    configure(stderr, quiet=True)
    logger.warning("any.event")
    assert stderr.text() == ""

    configure(stderr)
    logger.warning("any.event")
    assert "any.event" in stderr.text()


def test_a_line_that_is_printed_stands_as_it_is(stderr: Stderr) -> None:
    configure(stderr, quiet=True)

    log.print_error("\tof the build")

    assert stderr.text() == "\tof the build\n"


def test_logs_and_printed_lines_share_a_guard(stderr: Stderr) -> None:
    configure(stderr)
    entered: list[str] = []

    @contextmanager
    def guard() -> Iterator[None]:
        entered.append("in")
        yield
        entered.append("out")

    log.share(guard)
    structlog.get_logger().warning("any.event")
    log.print_error("line")

    assert entered == ["in", "out", "in", "out"]


PROGRAM = """
import structlog
from uvwatch import log
log.configure(0, False, "auto", "auto")
structlog.get_logger().warning("any.event", name="gr\\u00fcn")
print("alive")
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    return program


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full"])
def test_a_stderr_that_takes_nothing_does_not_end_the_program(redirection: str, program: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", f'"$0" "$1" {redirection}', sys.executable, program], capture_output=True, check=False, timeout=60
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, b"alive\n", b"")


def test_a_stderr_that_nobody_reads_does_not_end_the_program(program: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as stderr:
        done = subprocess.run([sys.executable, program], stdout=subprocess.PIPE, stderr=stderr, check=False, timeout=60)

    assert (done.returncode, done.stdout) == (0, b"alive\n")


def test_logs_are_utf_8_in_a_c_locale(program: Path) -> None:
    env = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}

    done = subprocess.run([sys.executable, program], capture_output=True, env=env, check=False, timeout=60)

    assert "name=grün" in done.stderr.decode("utf-8")
