"""How often Django's runserver, which runs the installed copy, starts again for edits of a stylesheet and of a module.

Beside ``uvwatch watch``, and with uv's reinstall after each edit.
"""

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench_process import Watcher
from bench_stage import BIN, PATIENCE, make, reinstall_command
from demo_stage import DemoError, Server, Stage, comes_true, free_port
from demo_steps import Ask, process, style
from rich.console import Console
from rich.table import Table

EDITS = 20
LOOKS = 1.5
"""Seconds after which runserver, which looks at all files once a second, must have seen a change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What came of the edits of stylesheets."""

    shown: int
    restarts: int


@contextlib.contextmanager
def _runserver(stage: Stage) -> Iterator[Server]:
    """Run the installed copy away from the tree; the server answers when the body begins."""
    server = Server(port=free_port())
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "myapp.settings"}
    environment.pop("PYTHONPATH", None)
    python = stage.project / ".venv" / "bin" / "python"
    with (stage.home / "server.log").open("wb") as log:
        running = subprocess.Popen(
            [python, "-m", "django", "runserver", f"127.0.0.1:{server.port}"],
            cwd=stage.home / "server",
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        if not comes_true(lambda: process(server) != 0, PATIENCE):
            raise DemoError(f"runserver does not answer:\n{(stage.home / 'server.log').read_text(errors='replace')}")
        yield server
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(running.pid, 15)
        running.wait()


def _edit(stage: Stage, install: Callable[[], object]) -> Counted:
    """Edit a collected stylesheet again and again; the server is asked for each edit and for its process."""
    # The one that the manifest of Django's static files names.
    (sheet,) = (stage.package / "staticfiles" / "css").glob("print.*.css")
    ask = style("css/print.css")
    shown = restarts = 0
    with _runserver(stage) as server:
        before = process(server)
        for number in range(EDITS):
            sheet.write_text(f"h1 {{\n  color: #{number:06x};\n}}\n")
            install()
            shown += comes_true(partial(_answers, ask, server, f"css/print.css: color: #{number:06x}"), PATIENCE)
            time.sleep(LOOKS)
            comes_true(lambda: process(server) != 0, PATIENCE)
            now = process(server)
            restarts, before = restarts + (now != before), now
    return Counted(shown=shown, restarts=restarts)


def _answers(ask: Ask, server: Server, want: str) -> bool:
    return ask(server) == want


def measure(console: Console, home: Path) -> None:
    """Print how often the server started again, beside uvwatch and with uv."""
    ours, theirs = make(home / "server-uvwatch"), make(home / "server-uv")
    table = Table("", "edits shown", "restarts", title=f"runserver beside {EDITS} edits of a stylesheet")
    watcher = Watcher([str(BIN / "uvwatch"), "watch"], ours.project, home / "server-uvwatch.log")
    with contextlib.closing(watcher):
        if not comes_true(lambda: "uvwatch: ready" in watcher.log.read_text(encoding="utf-8"), PATIENCE):
            raise DemoError("uvwatch is not ready")
        beside = _edit(ours, lambda: None)
    table.add_row("uvwatch", f"{beside.shown} of {EDITS}", str(beside.restarts))
    by_uv = _edit(theirs, lambda: theirs.run(*reinstall_command()))
    table.add_row("uv sync --reinstall-package", f"{by_uv.shown} of {EDITS}", str(by_uv.restarts))
    console.print(table)
