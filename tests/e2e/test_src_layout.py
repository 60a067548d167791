"""The Django project in a src/ layout: what its own commands write goes where the code that they import lies."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.e2e.conftest import SAMPLES, Project

STATIC = "src/myapp/staticfiles/"


@pytest.fixture
def in_src(tmp_path: Path, user: Mapping[str, str]) -> Project:
    """The sample under git, installed as a copy."""
    root = tmp_path / "myapp"
    shutil.copytree(SAMPLES / "django_src", root, ignore=shutil.ignore_patterns(".venv", "staticfiles", "*.pyc"))
    project = Project(root=root, env=user, prefix=root / ".venv")
    project.run("git", "init", "--quiet", check=True)
    project.uv("lock")
    project.uv("sync", "--no-dev", "--no-editable")
    return project


def collect(project: Project) -> None:
    """Run collectstatic in the tree."""
    project.run(project.prefix / "bin" / "python", "manage.py", "collectstatic", "--noinput", check=True)


def static(project: Project) -> dict[str, bytes]:
    """What was collected in the tree, by path in the package."""
    return {name.removeprefix("src/"): held for name, held in project.files().items() if name.startswith(STATIC)}


def copied(project: Project) -> dict[str, bytes]:
    """What lies in the installed copy of it."""
    found = (project.site / "myapp" / "staticfiles").rglob("*")
    return {path.relative_to(project.site).as_posix(): path.read_bytes() for path in found if path.is_file()}


def found(project: Project) -> list[str]:
    """The codes of what ``doctor`` finds."""
    done = project.uvwatch("doctor", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line)["code"] for line in done.stdout.splitlines()]


def test_files_collected_into_the_installed_copy_are_told_and_those_in_the_tree_are_installed(in_src: Project) -> None:
    assert in_src.python("import myapp; print(myapp.__file__)") == str(in_src.site / "myapp" / "__init__.py")

    # The trap: even in the tree, a src/ layout imports the installed copy, and the settings take their place from it.
    collect(in_src)
    astray = copied(in_src)
    assert len(astray) > 250
    assert static(in_src) == {}
    assert found(in_src) == ["written-to-installed-copy"]
    told = in_src.uvwatch("sync")
    assert told.returncode == 0
    assert told.stdout.splitlines()[-1].startswith("uvwatch: unchanged in ")
    assert "] written-to-installed-copy: " in told.stderr
    assert "PYTHONPATH=src" in told.stderr
    assert copied(in_src) == astray

    # What the remedy says: then they are in the tree, and what lay astray becomes uv's own.
    collect(in_src.having(PYTHONPATH="src"))
    assert len(static(in_src)) == len(astray)
    stale = in_src.uvwatch("check")
    assert (stale.returncode, stale.stdout.splitlines()[0]) == (1, f"myapp is stale: {len(astray)} files")
    synced = in_src.uvwatch("sync")
    assert (synced.returncode, synced.stderr) == (0, "")
    assert synced.stdout.splitlines()[-1].endswith(f": {len(astray)} added)")
    assert copied(in_src) == static(in_src)
    assert in_src.uvwatch("check").stdout == "myapp is fresh\n"
    assert found(in_src) == []
    shown = "import importlib.resources as r; print((r.files('myapp') / 'staticfiles/css/site.css').read_text())"
    assert in_src.python(shown) == static(in_src)["myapp/staticfiles/css/site.css"].decode().strip()
