"""Draws what uvwatch shows in a terminal: a real run on a small project, its screen read by pyte and drawn by rich."""

import argparse
import itertools
import os
import pty
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pyte
import uv
from rich.console import Console
from rich.style import Style
from rich.text import Text

TOP = Path(__file__).resolve().parent.parent
PICTURE = TOP / ".github" / "terminal.svg"
COLUMNS, ROWS = 88, 14
PATIENCE = 60.0

FILES = {
    "pyproject.toml": """\
[build-system]
requires = ["uv_build>=0.9"]
build-backend = "uv_build"

[project]
name = "myapp"
version = "1.0"
requires-python = ">=3.10"
""",
    "src/myapp/__init__.py": 'VALUE = "one"\n',
    "src/myapp/static/site.css": "a { color: red }\n",
}


class Window:
    """A terminal in which uvwatch runs."""

    def __init__(self, project: Path) -> None:
        self.screen = pyte.Screen(COLUMNS, ROWS)
        self._stream = pyte.ByteStream(self.screen)
        self._descriptor, other = pty.openpty()
        command = Path(sys.executable).with_name("uvwatch")
        env = {**os.environ, "TERM": "xterm-256color"}
        self.process = subprocess.Popen([command], cwd=project, env=env, stdin=other, stdout=other, stderr=other)
        os.close(other)

    def until(self, pattern: str) -> None:
        """Read until the screen shows what is asked for."""
        deadline = time.monotonic() + PATIENCE
        while not re.search(pattern, "\n".join(line.rstrip() for line in self.screen.display)):
            if not select.select([self._descriptor], [], [], max(0.0, deadline - time.monotonic()))[0]:
                sys.exit("picture: the terminal never showed " + pattern + ":\n" + "\n".join(self.screen.display))
            self._stream.feed(os.read(self._descriptor, 65536))

    def close(self) -> None:
        """End uvwatch."""
        self.process.send_signal(signal.SIGTERM)
        while self._reads():
            pass
        self.process.wait()
        os.close(self._descriptor)

    def _reads(self) -> bool:
        try:
            return bool(os.read(self._descriptor, 65536))
        except OSError:
            return False


def play(project: Path) -> list[Text]:
    """Change some files and give the screen, live line included."""
    window = Window(project)
    steps: list[tuple[str, Callable[[], object]]] = [
        ("ready, ", lambda: (project / "src/myapp/static/site.css").write_text("a { color: blue }\n")),
        (r"updated(.|\n)*updated|updated myapp", lambda: (project / "src/myapp/__init__.py").write_text("VALUE = 2\n")),
        (r"__init__(.|\n)*updated", lambda: (project / "pyproject.toml").write_text(f"{FILES['pyproject.toml']}[[\n")),
        (r"failed", lambda: None),
    ]
    for awaited, act in steps:
        window.until(awaited)
        act()
    window.until(r"\n(failed|idle)\b[^\n]*\n*$")
    lines = [drawn(window.screen, row) for row in range(ROWS)]
    window.close()
    while lines and not lines[-1].plain.strip():
        lines.pop()
    return lines


def drawn(screen: pyte.Screen, row: int) -> Text:
    """One row of the screen with its colours."""
    text = Text()
    cells = [screen.buffer[row][column] for column in range(COLUMNS)]
    for color, run in itertools.groupby(cells, key=lambda cell: cell.fg):
        named = {"default": None, "brown": "yellow"}.get(color, color)
        text.append("".join(cell.data for cell in run), Style(color=named))
    text.rstrip()
    return text


def main() -> None:
    """Make the project, play, draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=PICTURE, help="where the picture goes")
    output = parser.parse_args().output
    with tempfile.TemporaryDirectory(prefix="uvwatch-picture-") as directory:
        project = Path(directory, "myapp")
        for name, content in FILES.items():
            path = project / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        for arguments in (["lock"], ["sync", "--no-editable"]):
            subprocess.run([uv.find_uv_bin(), "--quiet", *arguments], cwd=project, check=True)
        lines = play(project)
    console = Console(record=True, width=COLUMNS, file=StringIO(), color_system="truecolor", force_terminal=True)
    console.print("[bold]$ uvwatch[/bold]")
    for line in lines:
        console.print(line)
    # No fonts from the network: a picture in a page may load nothing.
    svg = re.sub(r"@font-face \{.*?\}\n", "", console.export_svg(title="uvwatch", unique_id="uvwatch"), flags=re.DOTALL)
    output.parent.mkdir(exist_ok=True)
    output.write_text("\n".join(line.rstrip() for line in svg.splitlines()) + "\n", encoding="utf-8")
    print(f"drew {output.name}: {len(lines) + 1} lines, {output.stat().st_size} bytes")


if __name__ == "__main__":
    main()
