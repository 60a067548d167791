"""``uvwatch init``: printed, written, and nothing changed by a second time or by what is broken there."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.e2e.conftest import Project

FILES = {"procfile": ["Procfile", ".env"], "vscode": [".vscode/tasks.json"], "zed": [".zed/tasks.json"]}


@pytest.fixture
def bare(tmp_path: Path, user: Mapping[str, str]) -> Project:
    """A project that nothing was installed from: no environment and no lock are needed."""
    project = Project(root=tmp_path, env=user, prefix=tmp_path / ".venv")
    project.write({"pyproject.toml": '[project]\nname = "bare"\nversion = "1"\n'})
    return project


@pytest.mark.parametrize("what", FILES)
def test_what_is_printed_is_what_is_written_and_a_second_time_changes_nothing(bare: Project, what: str) -> None:
    before = bare.files()
    printed = bare.uvwatch("init", what)
    assert (printed.returncode, printed.stderr) == (0, "")
    objects = [json.loads(line) for line in bare.uvwatch("init", what, "--json").stdout.splitlines()]
    assert [each["path"] for each in objects] == FILES[what]
    assert all(each["content"].rstrip() in printed.stdout for each in objects)
    assert bare.files() == before

    written = bare.uvwatch("init", what, "--write")
    assert (written.returncode, written.stdout.splitlines()) == (0, [f"wrote {path}" for path in FILES[what]])
    after = bare.files()
    assert after == {**before, **{each["path"]: each["content"].encode() for each in objects}}
    again = bare.uvwatch("init", "--write", what)
    assert again.stdout.splitlines() == [f"{path} has it already" for path in FILES[what]]
    assert bare.files() == after


def test_from_below_the_project_it_says_where_the_file_was_written(bare: Project) -> None:
    below = Project(root=bare.root / "docs", env=bare.env, prefix=bare.prefix)
    below.root.mkdir()
    told = [below.uvwatch("init", "zed", "--write").stdout for _twice in range(2)]
    assert told == ["wrote ../.zed/tasks.json\n", "../.zed/tasks.json has it already\n"]


def test_a_broken_file_is_one_sentence_and_nothing_is_changed(bare: Project) -> None:
    bare.write({"Procfile": "web: a\nweb: b\n"})
    before = bare.files()
    refused = bare.uvwatch("init", "procfile", "--write")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith(f"uvwatch: error: {bare.root}/Procfile: has two processes called web; ")
    assert bare.files() == before
