"""A deleted file leaves the installed copy although setuptools left a copy of it in ``build/lib``."""

import json
from pathlib import Path

from tests.e2e.conftest import Project, Sampled


def removed(project: Project, *arguments: str) -> tuple[str, list[str], str]:
    """Bring the copy up to date; the action, what was removed, and the log."""
    done = project.uvwatch("sync", "--json", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    (told,) = json.loads(done.stdout)["distributions"]
    return told["action"], told["removed"], done.stderr


def test_a_deleted_file_leaves_the_copy_whoever_builds(sample: Sampled, tmp_path: Path) -> None:
    project = sample("setuptools-data")
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
    (package / "page.html").unlink()
    project.write({"build/lib/setuptools_data/page.html": "left by somebody"})
    built_by_uv = project.having(UV_BUILD_CONSTRAINT=str(constraints))
    assert removed(built_by_uv)[:2] == ("rebuild", ["setuptools_data/page.html"])

    (package / "notes" / "one.txt").unlink()
    project.write({"build/lib/setuptools_data/notes/one.txt": "left by somebody"})
    assert removed(project, "--installer", "uv")[:2] == ("reinstall", ["setuptools_data/notes/one.txt"])
