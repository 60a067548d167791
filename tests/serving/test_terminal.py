import fcntl
import os
import re
import struct
import termios
from collections.abc import Callable, Iterator
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import TextIO

import anyio
import pyte
import pytest
import trio
import trio.testing

from uvwatch.core.phase import Phase
from uvwatch.serving.stream import ErrLines, OutLines, StdoutClosed, sink_of
from uvwatch.serving.terminal import PERIOD, Terminal, terminal_on

COLUMNS, ROWS = 40, 10
FROZEN = re.compile(r"^uvwatch: |^(.+):([0-9]+):([0-9]+): error: ")


class Clock:
    """A clock that stands until it is moved; times are seconds."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Screen:
    """A pseudo-terminal, and what a person would see on it."""

    def __init__(self) -> None:
        self.master, slave = os.openpty()
        self.stdout: TextIO = TextIOWrapper(os.fdopen(slave, "wb"), encoding="utf-8")
        self._screen = pyte.Screen(COLUMNS, ROWS)
        self._stream = pyte.ByteStream(self._screen)
        self.resize(COLUMNS)

    def resize(self, columns: int) -> None:
        fcntl.ioctl(self.stdout.fileno(), termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, columns, 0, 0))

    def seen(self) -> list[str]:
        """Give the lines that are not empty, once all that was written has arrived."""
        mark = b"\x1b]0;mark\x07"
        os.write(self.stdout.fileno(), mark)
        received = b""
        while mark not in received:
            received += os.read(self.master, 4096)
        self._stream.feed(received)
        return [line.rstrip() for line in self._screen.display if line.strip()]

    def column(self) -> int:
        return int(self._screen.cursor.x)


@pytest.fixture
def screen() -> Iterator[Screen]:
    screen = Screen()
    yield screen
    screen.stdout.close()
    if screen.master >= 0:
        os.close(screen.master)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def terminal(screen: Screen, clock: Clock) -> Terminal:
    terminal = terminal_on(screen.stdout, {"TERM": "xterm"}, color=True, clock=clock)
    assert terminal is not None
    return terminal


def test_printed_lines_scroll_above_the_live_line(terminal: Terminal, screen: Screen) -> None:
    terminal.show(Phase.IDLE)
    terminal.print("uvwatch: updating: checking at start")
    terminal.print("uvwatch: unchanged in 3 ms")

    assert screen.seen() == ["uvwatch: updating: checking at start", "uvwatch: unchanged in 3 ms", "idle"]


def test_a_long_history_leaves_one_live_line(terminal: Terminal, screen: Screen) -> None:
    terminal.show(Phase.IDLE)
    for number in range(30):
        terminal.print(f"line {number}")

    assert screen.seen() == [*(f"line {number}" for number in range(21, 30)), "idle"]


def test_the_phase_and_what_it_is_about_replace_what_was_there(
    terminal: Terminal, screen: Screen, clock: Clock
) -> None:
    terminal.show(Phase.UPDATING, "a rather long name")
    clock.now += PERIOD
    terminal.show(Phase.HELD, "npm\nrun")

    assert screen.seen() == ["held: npm\\x0arun"]


def test_an_update_tells_its_time_and_the_builds_last_line_after_a_second(
    terminal: Terminal, screen: Screen, clock: Clock
) -> None:
    terminal.show(Phase.UPDATING, "myapp")
    terminal.build_line("running build_py")
    terminal.tick()
    assert screen.seen() == ["updating: myapp"]

    clock.now += 1.5
    terminal.tick()
    assert screen.seen() == ["updating: myapp (1 s) running build_py"]

    clock.now += 1.0
    terminal.build_line("\x1b[1;32mcopying\x1b[0m a\tb\r\n")
    terminal.build_line("  \n")
    terminal.tick()
    assert screen.seen() == ["updating: myapp (2 s) copying a\\x09b"]

    terminal.show(Phase.IDLE)
    terminal.tick()
    clock.now += 10
    terminal.tick()
    assert screen.seen() == ["idle"]


def test_the_next_update_counts_its_own_time(terminal: Terminal, screen: Screen, clock: Clock) -> None:
    terminal.show(Phase.UPDATING)
    terminal.build_line("old")
    clock.now += 5
    terminal.show(Phase.IDLE)
    clock.now += 5
    terminal.show(Phase.UPDATING)
    clock.now += 1.5
    terminal.tick()

    assert screen.seen() == ["updating (1 s)"]


def test_a_line_that_is_too_long_is_cut_to_the_window_and_follows_its_size(
    terminal: Terminal, screen: Screen, clock: Clock
) -> None:
    terminal.show(Phase.UPDATING, "漢" * 40)
    assert screen.seen() == ["updating: " + "漢" * 14 + "…"]

    screen.resize(20)
    clock.now += 0.5
    terminal.tick()
    assert screen.seen() == ["updating: " + "漢" * 4 + "…"]

    screen.resize(COLUMNS)
    clock.now += 0.5
    terminal.tick()
    assert screen.seen() == ["updating: " + "漢" * 14 + "…"]


@pytest.mark.parametrize(("length", "shown"), [(33, "x" * 33), (34, "x" * 32 + "…")])
def test_the_last_column_stays_free(terminal: Terminal, screen: Screen, length: int, shown: str) -> None:
    terminal.show(Phase.IDLE, "x" * length)

    assert screen.seen() == [f"idle: {shown}"]
    assert screen.column() == COLUMNS - 1


@pytest.mark.parametrize("columns", [1, 2, 3])
def test_a_window_of_no_width_is_no_error(terminal: Terminal, screen: Screen, clock: Clock, columns: int) -> None:
    screen.resize(columns)
    terminal.show(Phase.UPDATING, "myapp")
    clock.now += 1
    terminal.close()

    assert screen.seen() == []


def test_closing_leaves_nothing_but_the_printed_lines(terminal: Terminal, screen: Screen, clock: Clock) -> None:
    terminal.show(Phase.STOPPING)
    terminal.print("uvwatch: stopped")
    terminal.close()
    clock.now += 1
    terminal.tick()

    assert screen.seen() == ["uvwatch: stopped"]
    assert screen.column() == 0


def test_logs_and_the_live_line_do_not_mix(terminal: Terminal, screen: Screen) -> None:
    errors = ErrLines(sink_of(screen.stdout))
    errors.guard = terminal.above
    terminal.show(Phase.IDLE)

    errors.line("2026-01-31 [warning] polling")
    terminal.print("uvwatch: stopped")

    assert screen.seen() == ["2026-01-31 [warning] polling", "uvwatch: stopped", "idle"]


def test_an_error_while_the_line_is_away_puts_it_back(terminal: Terminal, screen: Screen) -> None:
    terminal.show(Phase.IDLE)

    with pytest.raises(KeyError), terminal.above():
        raise KeyError

    assert screen.seen() == ["idle"]


def test_redraws_are_at_least_a_period_apart(terminal: Terminal, screen: Screen, clock: Clock) -> None:
    terminal.show(Phase.SETTLING)
    clock.now += PERIOD / 2
    terminal.show(Phase.UPDATING)
    assert screen.seen() == ["settling"]

    clock.now += PERIOD / 2
    terminal.tick()
    assert screen.seen() == ["updating"]


def test_nothing_is_written_while_nothing_changes(clock: Clock) -> None:
    memory = BytesIO()
    terminal = Terminal(OutLines(memory), width=lambda: 80, clock=clock, color=False)
    terminal.show(Phase.IDLE)
    before = memory.getvalue()

    for _ in range(20):
        clock.now += 1
        terminal.show(Phase.IDLE)

    assert before == b"idle"
    assert memory.getvalue() == before


@pytest.mark.parametrize("phase", list(Phase))
def test_no_live_line_looks_like_a_frozen_one(terminal: Terminal, screen: Screen, clock: Clock, phase: Phase) -> None:
    terminal.show(phase, "myapp")
    clock.now += 2
    terminal.tick()

    (line,) = screen.seen()

    assert line.startswith(phase.value)
    assert not FROZEN.search(line)


def test_a_terminal_that_is_gone_is_told_by_print_alone(terminal: Terminal, screen: Screen, clock: Clock) -> None:
    terminal.show(Phase.IDLE)
    os.close(screen.master)
    screen.master = -1
    clock.now += 1

    terminal.show(Phase.UPDATING)
    with terminal.above():
        pass

    with pytest.raises(StdoutClosed):
        terminal.print("uvwatch: stopped")
    terminal.close()


@pytest.mark.parametrize("env", [{"TERM": "dumb"}, {"TERM": ""}, {}])
def test_there_is_no_live_line_on_a_dumb_terminal(screen: Screen, env: dict[str, str]) -> None:
    assert terminal_on(screen.stdout, env, color=True) is None


def test_there_is_no_live_line_without_a_terminal(tmp_path: Path) -> None:
    with (tmp_path / "out").open("w") as file:
        assert terminal_on(file, {"TERM": "xterm"}, color=True) is None
    assert terminal_on(file, {"TERM": "xterm"}, color=True) is None
    assert terminal_on(None, {"TERM": "xterm"}, color=True) is None


class Writes(BytesIO):
    """Remembers when it was written to, in the seconds of the running clock."""

    def __init__(self, times: Callable[[], float]) -> None:
        super().__init__()
        self.times: list[float] = []
        self._now = times

    def write(self, data: bytes | memoryview, /) -> int:  # type: ignore[override]
        self.times.append(self._now())
        return super().write(data)


class TestInAnEventLoop:
    @pytest.fixture
    def anyio_backend(self) -> tuple[str, dict[str, object]]:
        return "trio", {"clock": trio.testing.MockClock(autojump_threshold=0)}

    @pytest.mark.anyio
    async def test_a_busy_build_is_redrawn_at_most_eight_times_a_second(self) -> None:
        sink = Writes(anyio.current_time)
        terminal = Terminal(OutLines(sink), width=lambda: 80, clock=anyio.current_time, color=False)
        async with anyio.create_task_group() as group:
            group.start_soon(terminal.run)
            terminal.show(Phase.UPDATING)
            for number in range(300):
                terminal.build_line(f"line {number}")
                await anyio.sleep(0.01)
            group.cancel_scope.cancel()

        gaps = [later - earlier for earlier, later in zip(sink.times, sink.times[1:], strict=False)]
        assert len(sink.times) > 10
        assert min(gaps) > PERIOD - 1e-9

    @pytest.mark.anyio
    async def test_the_last_of_several_quick_phases_is_drawn_in_the_end(self) -> None:
        sink = Writes(anyio.current_time)
        terminal = Terminal(OutLines(sink), width=lambda: 80, clock=anyio.current_time, color=False)
        async with anyio.create_task_group() as group:
            group.start_soon(terminal.run)
            await trio.testing.wait_all_tasks_blocked()
            for phase in (Phase.SETTLING, Phase.UPDATING, Phase.IDLE):
                terminal.show(phase)
            await anyio.sleep(1)
            group.cancel_scope.cancel()

        assert sink.getvalue() == b"settling\r\x1b[Kidle"

    @pytest.mark.anyio
    async def test_nothing_is_scheduled_while_idle(self) -> None:
        terminal = Terminal(OutLines(BytesIO()), width=lambda: 80, clock=anyio.current_time, color=False)
        async with anyio.create_task_group() as group:
            group.start_soon(terminal.run)
            terminal.show(Phase.UPDATING)
            await anyio.sleep(2 + PERIOD / 2)  # between two ticks
            while_updating = trio.lowlevel.current_statistics().seconds_to_next_deadline
            terminal.show(Phase.IDLE)
            await anyio.sleep(1)
            while_idle = trio.lowlevel.current_statistics().seconds_to_next_deadline
            group.cancel_scope.cancel()

        assert while_updating <= PERIOD
        assert while_idle == float("inf")
