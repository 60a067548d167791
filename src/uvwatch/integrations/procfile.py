"""``Procfile`` and ``.env`` for honcho, foreman and their like: a line that watches, and uv told to keep copies.

honcho's rules (``honcho/environ.py``): a process is ``NAME: COMMAND`` on a line of its own, each name once; a variable
of ``.env`` is ``NAME=VALUE``, with or without ``export``; other lines are passed over.
"""

import re
from collections import Counter
from pathlib import Path

from uvwatch.errors import Fatal
from uvwatch.integrations.proposal import Proposal, read
from uvwatch.project.workspace import Workspace

NAMES = ("watch", "uvwatch")
"""What the process is called: the first that is free."""

_COMMAND = "uvwatch watch"
_PROCESS = re.compile(r"^([A-Za-z0-9_-]+):\s*(.+)$", re.MULTILINE)
_WATCHES = re.compile(r"(?:^|[\s/\"'])uvwatch(?:\s+(?:-\S+\s+)*watch\b|\s+-|\s*$|\s*[&|;>])")
"""A command that runs the daemon: ``uvwatch`` with ``watch`` or without any command."""

_VARIABLE = "UV_NO_EDITABLE"


def propose(workspace: Workspace) -> tuple[Proposal, ...]:
    """Give both files.

    Raises:
        Fatal: one cannot be read, or honcho would not read the Procfile.
    """
    return (_procfile(workspace.project / "Procfile"), _env(workspace.project / ".env"))


def _procfile(path: Path) -> Proposal:
    before = read(path)
    processes = [(name, command.strip()) for name, command in _PROCESS.findall(before or "")]
    twice = [name for name, times in Counter(name for name, _ in processes).items() if times > 1]
    if twice:
        raise Fatal(f"{path}: has two processes called {twice[0]}; rename one. Nothing was changed")
    if any(_WATCHES.search(command) for _, command in processes):
        return Proposal(path=path, before=before, after=before or "")
    taken = {name for name, _ in processes}
    free = [name for name in NAMES if name not in taken]
    if not free:
        raise Fatal(f"{path}: the names {' and '.join(NAMES)} are taken by other commands; nothing was changed")
    return Proposal(path=path, before=before, after=_with_line(before or "", f"{free[0]}: {_COMMAND}"))


def _env(path: Path) -> Proposal:
    before = read(path)
    if re.search(rf"^(?:export )?{_VARIABLE}=", before or "", re.MULTILINE):
        return Proposal(path=path, before=before, after=before or "")
    return Proposal(path=path, before=before, after=_with_line(before or "", f"{_VARIABLE}=1"))


def _with_line(text: str, line: str) -> str:
    newline = "\r\n" if "\r\n" in text else "\n"
    between = newline if text and not text.endswith("\n") else ""
    return f"{text}{between}{line}{newline}"
