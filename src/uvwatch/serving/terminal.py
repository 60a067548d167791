r"""The last line of a terminal: what goes on now. Printed lines scroll above it.

It knows escape sequences and the rhythm of redrawing. It must not know why a phase began, nor hold a thread or a timer
while nothing happens. The live line never begins with ``uvwatch:`` and never ends in a newline, so that no problem
matcher takes it for one of the frozen lines.
"""

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import RLock
from typing import TextIO

import anyio
from rich.cells import cell_len, set_cell_size

from uvwatch.core.phase import Phase
from uvwatch.serving.color import Tone, painted
from uvwatch.serving.escape import escaped
from uvwatch.serving.stream import OutLines, StdoutClosed, sink_of

PERIOD = 1 / 8
"""Seconds between two redraws, at least."""

LONG = 1.0
"""Seconds after which an update tells how long it takes and what the build says."""

_COLUMNS = 80
_ERASE = "\r\x1b[K"
_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
"""ECMA-48 escape sequences (colours, cursor movements, titles) in what a build prints."""

Clock = Callable[[], float]


class Terminal:
    """A live line under printed lines; ``close`` leaves nothing behind.

    Draws are throttled: the first is immediate, later ones come from ``run``, at most eight times a second. Lines that
    cannot be drawn since the terminal is gone are lost; ``print`` alone says so. While the terminal is stopped (Ctrl+S)
    nothing is drawn.

    Attributes:
        out: what it writes to.
    """

    def __init__(self, out: OutLines, *, width: Callable[[], int], clock: Clock = time.monotonic, color: bool) -> None:
        self.out = out
        self._width = width
        self._clock = clock
        self._tone = Tone.DIM if color else Tone.PLAIN
        # Reentrant: what prints inside of ``above`` may erase once more.
        self._lock = RLock()
        self._phase: Phase | None = None
        self._detail: str | None = None
        self._since = 0.0
        self._said = ""
        self._drawn = ""
        self._drawn_at = float("-inf")
        self._wake: anyio.Event | None = None

    def show(self, phase: Phase, detail: str | None = None) -> None:
        """Tell the phase from now on, with what it is about; a new phase counts its time from now."""
        if phase is not self._phase:
            self._since = self._clock()
            self._said = ""
        self._phase = phase
        self._detail = detail
        self.tick()
        self._wake_up()

    def build_line(self, text: str) -> None:
        """Take what the build printed last: shown once the update takes long, without colours, blank lines left out."""
        said = escaped(_SEQUENCE.sub("", text).strip())
        if said:
            self._said = said
            self._wake_up()

    def print(self, line: str) -> None:
        """Write a line above the live one.

        Raises:
            StdoutClosed: the terminal is gone.
        """
        with self._lock:
            drawn = self._text()
            self.out.write(f"{_ERASE if self._drawn else ''}{line}\n{painted(drawn, self._tone)}")
            self._remember(drawn)

    @contextmanager
    def above(self) -> Iterator[None]:
        """Take the live line away while something else writes to the terminal, and put it back."""
        with self._lock:
            self._draw("")
            try:
                yield
            finally:
                self._draw(self._text())

    def tick(self) -> bool:
        """Redraw if the text is another one and the last redraw is long enough ago.

        Returns:
            whether a later tick may have to draw although nothing was told meanwhile.
        """
        with self._lock:
            text = self._text()
            if text != self._drawn and not self.out.behind and self._clock() - self._drawn_at >= PERIOD:
                self._draw(text)
            return text != self._drawn or self._phase is Phase.UPDATING

    async def run(self) -> None:
        """Tick while an update runs or a redraw is due, else sleep until something is told. Ends by cancellation."""
        while True:
            self._wake = anyio.Event()
            if self.tick():
                await anyio.sleep(PERIOD)
            else:
                await self._wake.wait()

    def close(self) -> None:
        """Take the live line away for good."""
        with self._lock:
            self._phase = None
            self._draw("")

    def _wake_up(self) -> None:
        if self._wake is not None:
            self._wake.set()

    def _text(self) -> str:
        if self._phase is None:
            return ""
        about = f"{self._phase.value}: {self._detail}" if self._detail else self._phase.value
        passed = self._clock() - self._since
        if self._phase is Phase.UPDATING and passed > LONG:
            about += f" ({int(passed)} s) {self._said}"
        return _cut(escaped(about.rstrip()), self._width() - 1)

    def _draw(self, text: str) -> None:
        if text == self._drawn:
            return
        with suppress(StdoutClosed):
            self.out.write((_ERASE if self._drawn else "") + painted(text, self._tone))
        self._remember(text)

    def _remember(self, text: str) -> None:
        self._drawn = text
        self._drawn_at = self._clock()


def terminal_on(
    stdout: TextIO | None,
    env: Mapping[str, str],
    *,
    color: bool,
    clock: Clock = time.monotonic,
    out: OutLines | None = None,
) -> Terminal | None:
    """Give the terminal behind stdout, or None where there is none that could erase a line."""
    if stdout is None or stdout.closed or not stdout.isatty() or env.get("TERM", "dumb") in ("", "dumb", "unknown"):
        return None
    descriptor = stdout.fileno()

    def width() -> int:
        try:
            return os.get_terminal_size(descriptor).columns or _COLUMNS
        except OSError:  # the terminal is gone
            return _COLUMNS

    return Terminal(out or OutLines(sink_of(stdout)), width=width, clock=clock, color=color)


def _cut(text: str, width: int) -> str:
    # One column stays free: a terminal that wraps a full line would scroll.
    if width <= 0:
        return ""
    return text if cell_len(text) <= width else set_cell_size(text, width - 1).rstrip() + "…"
