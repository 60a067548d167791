"""``.vscode/tasks.json``: a background task that watches, and a matcher that turns its lines into problems.

The patterns are JavaScript's; what they must match is frozen in ``serving.lines``. A task that is there already, by its
label or by what it runs, stays as it is.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from uvwatch.errors import Fatal
from uvwatch.integrations import jsonc
from uvwatch.integrations.proposal import Proposal, read
from uvwatch.project.workspace import Workspace

LABEL = "uvwatch"

TASK: Mapping[str, Any] = {
    "label": LABEL,
    "detail": "Keeps the installed copy of this project true to its files",
    "type": "process",
    "command": "uvwatch",
    "args": ["watch", "--follow"],
    "isBackground": True,
    "runOptions": {"runOn": "folderOpen", "instanceLimit": 1},
    "presentation": {"reveal": "silent", "panel": "dedicated"},
    "problemMatcher": {
        "owner": "uvwatch",
        "source": "uvwatch",
        "severity": "error",
        "fileLocation": ["relative", "${workspaceFolder}"],
        "pattern": {
            "regexp": r"^(.+?):(\d+):(\d+): error: (.*)$",
            "file": 1,
            "line": 2,
            "column": 3,
            "message": 4,
        },
        "background": {
            "activeOnStart": True,
            "beginsPattern": r"^uvwatch: updating\b",
            "endsPattern": r"^uvwatch: (updated|unchanged|failed)\b",
        },
    },
}
"""What VS Code calls a task (https://code.visualstudio.com/docs/debugtest/tasks)."""

FRESH: Mapping[str, Any] = {"version": "2.0.0", "tasks": [TASK]}


def propose(workspace: Workspace) -> tuple[Proposal, ...]:
    """Give the tasks of the project with ours among them.

    Raises:
        Fatal: the file cannot be read, or VS Code could not.
    """
    path = workspace.project / ".vscode" / "tasks.json"
    before = read(path)
    return (Proposal(path=path, before=before, after=_merged(path, before or "")),)


def _merged(path: Path, text: str) -> str:
    document = opened(path, text)
    if document.is_blank:
        return text + _text(FRESH) + "\n"
    whole = document.whole()
    if not isinstance(whole.value, dict):
        raise Fatal(f"{path}: must hold an object, as VS Code writes it; nothing was changed")
    members = {part.key: part for part in document.parts(whole)}
    tasks = members.get("tasks")
    if tasks is None:
        return document.inserted(whole, f'"tasks": {_text([TASK])}', depth=1)
    if not isinstance(tasks.value, list):
        raise Fatal(f'{path}: "tasks" must be an array; nothing was changed')
    if any(is_ours(each) for each in tasks.value):
        return text
    return document.inserted(tasks, _text(TASK), depth=2)


def opened(path: Path, text: str) -> jsonc.Document:
    """Read an editor's settings.

    Raises:
        Fatal: they are not JSON with comments.
    """
    try:
        return jsonc.read(text)
    except jsonc.NotJson as error:
        raise Fatal(f"{path}: is not JSON with comments: {error}; nothing was changed") from error


def is_ours(task: Any) -> bool:
    """Whether a task of VS Code or Zed watches, or is called as ours is, however it was changed since."""
    if not isinstance(task, dict):
        return False
    arguments = task.get("args")
    words = [*str(task.get("command", "")).split(), *(map(str, arguments) if isinstance(arguments, list) else ())]
    watches = words[:1] == ["uvwatch"] and (len(words) == 1 or "watch" in words)
    return watches or task.get("label") == LABEL


def _text(value: Any) -> str:
    return json.dumps(value, indent=4)
