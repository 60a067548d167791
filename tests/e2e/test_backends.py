"""Each build backend from outside: a small round of ``scripts/torture backends``, and what single backends are like."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from scripts.torture_projects import SAMPLES, lay_out
from tests.e2e.conftest import Project

SCRIPTS = Path(__file__).parents[2] / "scripts"


def sample(name: str, tmp_path: Path, user: Mapping[str, str]) -> Project:
    """A copy of a sample project, locked, and installed as a copy by uv."""
    root = tmp_path / name
    lay_out(next(each for each in SAMPLES if each.name == name), root, user)
    project = Project(root=root, env=user, prefix=root / ".venv")
    project.uv("lock")
    project.uv("sync", "--no-editable")
    return project


def removed(project: Project, *arguments: str) -> tuple[str, list[str], str]:
    """Bring the copy up to date; the action, what was removed, and the log."""
    done = project.uvwatch("sync", "--json", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    (told,) = json.loads(done.stdout)["distributions"]
    return told["action"], told["removed"], done.stderr


def test_a_deleted_file_leaves_the_copy_although_setuptools_left_it_in_build(
    tmp_path: Path, user: Mapping[str, str]
) -> None:
    project = sample("setuptools-data", tmp_path, user)
    package = project.root / "setuptools_data"
    assert (project.root / "build/lib/setuptools_data/gone.py").exists()
    (package / "gone.py").unlink()
    project.uv("sync", "--no-editable", "--reinstall-package", "setuptools-data")
    assert project.installed("setuptools_data/gone.py"), "uv's own reinstall brings it back"

    action, gone, log = removed(project)
    assert (action, gone) == ("rebuild", ["setuptools_data/gone.py"])
    assert "leftover-build" in log
    assert "setuptools_data/gone.py" in log

    constraints = tmp_path / "constraints.txt"
    constraints.touch()
    project.uv("build", "--wheel", "--out-dir", str(tmp_path))
    (package / "page.html").unlink()
    built_by_uv = project.having(UV_BUILD_CONSTRAINT=str(constraints))
    assert removed(built_by_uv)[:2] == ("rebuild", ["setuptools_data/page.html"])

    project.uv("build", "--wheel", "--out-dir", str(tmp_path))
    assert (project.root / "build/lib/setuptools_data/sub").is_dir()
    shutil.rmtree(package / "sub")
    project.edit("pyproject.toml", ', "setuptools_data.sub"', "")
    assert removed(project, "--installer", "uv")[:2] == ("reinstall", ["setuptools_data/sub/__init__.py"])
