"""Shows the job of uvwatch on a real Django project: one row a step, exit status 0 only if every row held.

Knows how a step is carried out, waited for and judged; the steps are in demo_steps, the place in demo_stage.
"""

import argparse
import contextlib
import os
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from demo_stage import (
    TOP,
    DemoError,
    Honcho,
    Server,
    Stage,
    Stamps,
    comes_true,
    equal,
    free_port,
    last_write,
    prepare,
    stamps,
)
from demo_steps import STEPS, Step, edit_value, process, value
from rich.console import Console
from rich.table import Table

PATIENCE = 10.0
"""Seconds that a step may take; should every step fail, the whole still ends in two minutes."""
CALM = 0.3
"""Seconds without a line from uvwatch after which a step counts as over; three times its quiet window."""
RELOADER = 2.0
"""Seconds in which runserver looks twice at its files."""
RELOADS = " changed, reloading."
"""How runserver ends the line that names the file for which it starts again."""
WIDTHS = (24, None, 9, 26, 5, 2)
"""Of the columns; None takes what is left of the terminal, or of 132 columns where there is none."""
HEADS = ("the developer", "why, and what uvwatch did", "installed", "the server", "equal", "")
ENDS = ("updated", "unchanged", "failed")
PREFIX = "uvwatch: "


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one step showed. ``installed_ms`` counts from the last write in the tree to the last installed file."""

    title: str
    said: tuple[str, ...]
    installed_ms: float | None
    answer: str
    equal: bool
    held: bool


def show(console: Console, cells: tuple[str, ...], style: str = "") -> None:
    """Print one row; a cell that is too long goes on below itself."""
    table = Table.grid(padding=(0, 2, 0, 0), expand=True)
    for width in WIDTHS:
        table.add_column(width=width, ratio=None if width else 1, overflow="fold")
    table.add_row(*cells, style=style)
    console.print(table, markup=False, highlight=False)


def show_row(console: Console, row: Row) -> None:
    """Print what a step showed."""
    installed = "-" if row.installed_ms is None else f"{row.installed_ms:.0f} ms"
    cells = (row.title, "\n".join(row.said), installed, row.answer)
    show(console, (*cells, "yes" if row.equal else "no", "ok" if row.held else "NO"), "" if row.held else "bold red")


def said(lines: list[str]) -> tuple[str, ...]:
    """Shorten the lines of ``uvwatch watch`` to what began each cycle and how it ended."""
    short = (line.removeprefix(PREFIX) for line in lines if line.startswith(PREFIX))
    return tuple(
        f"{text.partition(': ')[2]}:" if text.startswith("updating") else text
        for text in short
        if text.startswith(("updating", *ENDS))
    )


def outcomes(lines: list[str]) -> list[str]:
    """Return how each cycle ended, in order; empty while one is under way or none was."""
    words = [line.removeprefix(PREFIX).split(" ")[0].rstrip(":") for line in lines if line.startswith(PREFIX)]
    ends = [word for word in words if word in ENDS]
    return ends if len(ends) == words.count("updating") else []


def ended_as(wanted: str, ends: list[str]) -> bool:
    """Whether the cycles of a step ended as it must; a step may take several, and the tree is whole after the last."""
    if wanted == "updated":
        return "updated" in ends and "failed" not in ends
    if wanted == "unchanged":
        return set(ends) == {"unchanged"}
    return ends[-1:] == ["failed"]


def settled(honcho: Honcho, stage: Stage, step: Step, begin: int) -> bool:
    """Wait until uvwatch has said its last word on a step and the environment is as it must be; whether it came to."""

    def done() -> bool:
        if not honcho.running:
            raise DemoError(f"a process of the Procfile ended:\n{honcho.transcript()}")
        return ended_as(step.outcome, outcomes(honcho.lines("watch")[begin:])) and equal(stage) == step.equal

    while comes_true(done, PATIENCE):
        count = len(honcho.lines("watch"))
        time.sleep(CALM)
        if len(honcho.lines("watch")) == count and done():
            return True
    return False


def ended(honcho: Honcho, begin: int) -> bool:
    """Whether uvwatch has ended a cycle after so many lines, and has begun no other."""
    return bool(outcomes(honcho.lines("watch")[begin:]))


def led_up(step: Step, stage: Stage, honcho: Honcho, server: Server) -> bool:
    """Do what a step does first; return whether each was ended by an update and shown by the very next answer."""
    for act, answer in step.before:
        begin = len(honcho.lines("watch"))
        act(stage)
        comes_true(partial(ended, honcho, begin), PATIENCE)
        if outcomes(honcho.lines("watch")[begin:]) != ["updated"] or step.ask(server) != answer:
            return False
    return True


def perform(step: Step, stage: Stage, honcho: Honcho, server: Server) -> Row:
    """Do one step and look at everything that it must have come to."""
    answering, errors, reloads = process(server), len(server.errors), restarts(honcho)
    led = led_up(step, stage, honcho, server)
    begin = len(honcho.lines("watch"))
    tree, copy = tree_stamps(stage), stamps(stage.installed)
    step.act(stage)
    written = last_write(tree, tree_stamps(stage))
    came = settled(honcho, stage, step, begin)
    installed = last_write(copy, stamps(stage.installed))
    answered = led and came and comes_true(lambda: step.ask(server) == step.answer, PATIENCE)
    let_reload(server)
    restarted = restarts(honcho) - reloads
    texts = said(honcho.lines("watch")[begin:])
    # uv writes every file of a distribution anew, so after a reinstall runserver sees all modules changed. That is no
    # excuse for one edit after another, which must not come to it.
    reinstalled = any("(reinstall" in text for text in texts) and not step.before
    as_often = restarted == step.restarts and (process(server) != answering) == (restarted > 0)
    count = f"{restarted} restart{'' if restarted == 1 else 's'}"
    return Row(
        title=step.title,
        said=("each an update; the last:", *texts) if step.before else texts,
        installed_ms=None if installed is None or written is None else (installed - written) / 1e6,
        answer="; ".join([f"{step.ask(server)} ({count})", *server.errors[errors:]]),
        equal=equal(stage),
        held=answered
        and (as_often or reinstalled)
        and (installed is not None) == (step.outcome == "updated")
        and len(server.errors) == errors,
    )


def tree_stamps(stage: Stage) -> Stamps:
    """Return the stamps of what a developer writes: the package and pyproject.toml."""
    return stamps(stage.package, stage.project / "pyproject.toml")


def restarts(honcho: Honcho) -> int:
    """How often runserver has said that it starts again."""
    return sum(line.endswith(RELOADS) for line in honcho.lines("web"))


def let_reload(server: Server) -> None:
    """Give runserver the time to look at its files, and ask all the while: no answer may be an error."""
    looked = time.monotonic() + RELOADER
    comes_true(lambda: process(server) != 0 and time.monotonic() > looked, PATIENCE)


def control(stage: Stage, port: int) -> Row:
    """Show what happens without uvwatch: an edit, uv's own sync, and the old value."""
    server = Server(port=port)
    with contextlib.closing(Honcho(stage, port, "web")) as honcho:
        if not comes_true(lambda: value(server) == "one", 3 * PATIENCE):
            raise DemoError(f"the server does not answer:\n{honcho.transcript()}")
        edit_value(stage, "two")
        stage.sync()
        let_reload(server)
        answer, same = value(server), equal(stage)
    return Row(
        title="CONTROL, without uvwatch: edit the module, uv sync --no-editable",
        said=("(not running)",),
        installed_ms=None,
        answer=answer,
        equal=same,
        held=answer == "one" and not same and not server.errors,
    )


def start(stage: Stage, honcho: Honcho, server: Server) -> Row:
    """Wait for the first cycle of uvwatch, which finds the edit that uv did not see."""

    def ready() -> bool:
        return not honcho.running or any(line.startswith(f"{PREFIX}ready") for line in honcho.lines("watch"))

    comes_true(ready, 3 * PATIENCE)  # the first build may fetch the backend
    if not (honcho.running and ready()):
        raise DemoError(f"uvwatch did not become ready:\n{honcho.transcript()}")
    answered = comes_true(lambda: value(server) == "two", PATIENCE)
    let_reload(server)  # the first update may come after the server's start; the next step counts from its end
    lines = honcho.lines("watch")
    return Row(
        title="start uvwatch",
        said=said(lines),
        installed_ms=None,
        answer=value(server),
        equal=equal(stage),
        held=answered and equal(stage) and ended_as("updated", outcomes(lines)) and not server.errors,
    )


def linger(console: Console, stage: Stage, honcho: Honcho, port: int) -> None:
    """Go on for a person with a browser, and print what uvwatch says, until Ctrl-C."""
    console.print(f"\nhttp://127.0.0.1:{port}/ shows it; edit in {stage.project}; Ctrl-C ends it", soft_wrap=True)
    shown = len(honcho.lines("watch"))
    while honcho.running:
        for line in honcho.lines("watch")[shown:]:
            console.print(line, markup=False, highlight=False, soft_wrap=True)
            shown += 1
        time.sleep(0.1)


def play(console: Console, stage: Stage, *, keep: bool) -> bool:
    """Show all rows; return whether every one held."""
    began = time.monotonic()
    console.print(f"making the example in {stage.home} and installing it, not editable", soft_wrap=True)
    prepare(stage)
    show(console, HEADS, "bold")
    port = free_port()
    rows = [control(stage, port)]
    show_row(console, rows[0])
    server = Server(port=port)
    with contextlib.closing(Honcho(stage, port)) as honcho:
        rows.append(start(stage, honcho, server))
        show_row(console, rows[-1])
        for step in STEPS:
            rows.append(perform(step, stage, honcho, server))
            show_row(console, rows[-1])
        held = sum(row.held for row in rows)
        console.print(f"{held} of {len(rows)} rows held, {time.monotonic() - began:.0f} s", highlight=False)
        if held < len(rows):
            console.print(honcho.transcript(), markup=False, highlight=False, soft_wrap=True)
        if keep:
            with contextlib.suppress(KeyboardInterrupt):
                linger(console, stage, honcho, port)
    return held == len(rows)


def main() -> int:
    """Read the arguments and run; return the exit status."""
    parser = argparse.ArgumentParser(prog="scripts/demo", description=__doc__, allow_abbrev=False)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--keep", action="store_true", help="then go on for a person with a browser, until Ctrl-C")
    how.add_argument("--prepare", action="store_true", help="only make the example; then: .venv/bin/honcho start")
    options = parser.parse_args()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts background jobs with SIGINT ignored
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))  # so that what was started is ended
    console = Console(width=max(Console().width, 100) if sys.stdout.isatty() else 132)
    lasting = Path(os.environ.get("UVWATCH_DEMO") or TOP / ".demo").absolute()
    try:
        if options.prepare:
            prepare(Stage(home=lasting))
            console.print(f"{lasting} is ready; now: .venv/bin/honcho start", soft_wrap=True)
            return 0
        if options.keep or "UVWATCH_DEMO" in os.environ:
            return 0 if play(console, Stage(home=lasting), keep=options.keep) else 1
        with tempfile.TemporaryDirectory(prefix="uvwatch-demo-", ignore_cleanup_errors=True) as home:
            return 0 if play(console, Stage(home=Path(home).resolve()), keep=False) else 1
    except DemoError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
