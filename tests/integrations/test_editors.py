"""The tasks of VS Code and Zed, beside what is there."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import pytest

from uvwatch.errors import Fatal
from uvwatch.integrations import jsonc, vscode, zed
from uvwatch.integrations.proposal import Proposal
from uvwatch.project.workspace import Workspace


class Propose(Protocol):
    def __call__(self, workspace: Workspace) -> Sequence[Proposal]: ...


def after(propose: Propose, path: Path, before: str | None) -> str:
    """Give what a file should hold that holds ``before``."""
    project = path.parent.parent
    if before is not None:
        path.parent.mkdir()
        path.write_bytes(before.encode())
    [proposal] = propose(
        workspace=Workspace(root=project, project=project, pyproject={}, root_pyproject={}, members=())
    )
    assert proposal.path == path
    return proposal.after


@pytest.fixture
def tasks_json(tmp_path: Path) -> Path:
    return tmp_path / ".vscode" / "tasks.json"


@pytest.fixture
def zed_tasks(tmp_path: Path) -> Path:
    return tmp_path / ".zed" / "tasks.json"


def test_a_new_file_of_vs_code_holds_a_background_task_that_begins_with_the_folder(tasks_json: Path) -> None:
    document = json.loads(after(vscode.propose, tasks_json, None))
    assert document == vscode.FRESH
    [task] = document["tasks"]
    assert [task["command"], *task["args"]] == ["uvwatch", "watch", "--follow"]
    assert task["isBackground"] is True
    assert task["runOptions"]["runOn"] == "folderOpen"


MINE = '{\n  "version": "2.0.0", // as ever\n  "tasks": [\n    {"label": "mine"}, // keep\n  ],\n  "inputs": []\n}\n'


def test_tasks_of_vs_code_that_are_there_stay_with_their_comments(tasks_json: Path) -> None:
    text = after(vscode.propose, tasks_json, MINE)
    start, end = MINE.split("\n  ],\n")
    assert text.startswith(start)
    assert text.endswith("\n  ],\n" + end)
    assert jsonc.read(text).whole().value["tasks"] == [{"label": "mine"}, vscode.TASK]


@pytest.mark.parametrize("text", ["{}", '{"version": "2.0.0"}', '{"tasks": []}', "// tasks\n", "\n"])
def test_what_is_missing_in_a_file_of_vs_code_is_added(tasks_json: Path, text: str) -> None:
    assert jsonc.read(after(vscode.propose, tasks_json, text)).whole().value["tasks"] == [vscode.TASK]


OURS: list[dict[str, Any]] = [
    {"label": "uvwatch", "command": "something else"},
    {"label": "keep", "type": "shell", "command": "uvwatch watch --settle 1"},
    {"label": "keep", "command": "uvwatch"},
]


@pytest.mark.parametrize("task", OURS)
def test_a_task_that_watches_already_stays_as_its_user_has_it(
    tasks_json: Path, zed_tasks: Path, task: dict[str, Any]
) -> None:
    text = json.dumps({"tasks": [task]})
    assert after(vscode.propose, tasks_json, text) == text
    assert after(zed.propose, zed_tasks, json.dumps([task])) == json.dumps([task])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"tasks": [', r"tasks\.json: is not JSON with comments: line 1 column 12: .*; nothing was changed"),
        ("[]", "must hold an object"),
        ('{"tasks": {}}', '"tasks" must be an array; nothing was changed'),
    ],
)
def test_a_file_that_vs_code_could_not_read_is_refused(tasks_json: Path, text: str, sentence: str) -> None:
    with pytest.raises(Fatal, match=sentence):
        after(vscode.propose, tasks_json, text)


def test_zed_gets_a_task_beside_those_that_are_there(zed_tasks: Path) -> None:
    mine = '{"label": "sync", "command": "uvwatch sync"}'
    text = after(zed.propose, zed_tasks, f"// Static tasks.\n[\n  {mine}\n]\n")
    assert text.startswith(f'// Static tasks.\n[\n  {mine},\n  {{\n    "label": "uvwatch"')
    assert jsonc.read(text).whole().value[1] == zed.TASK


@pytest.mark.parametrize(("text", "sentence"), [("[", "is not JSON with comments"), ("{}", "must hold an array")])
def test_a_file_that_zed_could_not_read_is_refused(zed_tasks: Path, text: str, sentence: str) -> None:
    with pytest.raises(Fatal, match=sentence):
        after(zed.propose, zed_tasks, text)
