"""``.zed/tasks.json``: a task that watches, in a terminal of its own.

Zed's tasks have no problem matchers; the frozen lines are for its user's eyes.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from uvwatch.errors import Fatal
from uvwatch.integrations.proposal import Proposal, read
from uvwatch.integrations.vscode import LABEL, is_ours, opened
from uvwatch.project.workspace import Workspace

TASK: Mapping[str, Any] = {
    "label": LABEL,
    "command": "uvwatch",
    "args": ["watch", "--follow"],
    "cwd": "$ZED_WORKTREE_ROOT",
    "use_new_terminal": False,
    "allow_concurrent_runs": False,
    "reveal": "no_focus",
}
"""What Zed calls a task (https://zed.dev/docs/tasks)."""


def propose(workspace: Workspace) -> tuple[Proposal, ...]:
    """Give the tasks of the project with ours among them.

    Raises:
        Fatal: the file cannot be read, or Zed could not.
    """
    path = workspace.project / ".zed" / "tasks.json"
    before = read(path)
    return (Proposal(path=path, before=before, after=_merged(path, before or "")),)


def _merged(path: Path, text: str) -> str:
    document = opened(path, text)
    if document.is_blank:
        return text + json.dumps([TASK], indent=4) + "\n"
    tasks = document.whole()
    if not isinstance(tasks.value, list):
        raise Fatal(f"{path}: must hold an array of tasks; nothing was changed")
    if any(is_ours(each) for each in tasks.value):
        return text
    return document.inserted(tasks, json.dumps(TASK, indent=4), depth=1)
