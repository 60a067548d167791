"""A project that was copied or moved with its environment: what is installed there is another project's copy."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

from tests.e2e.conftest import TINY, Make, Project


def moved_to(project: Project, root: Path) -> Project:
    """The same project at another place, its environment inside."""
    return replace(project, root=root, prefix=root / ".venv")


def installed_from(project: Project, name: str = "tiny") -> tuple[str, bool]:
    """The directory that an installed distribution came from, and whether it is editable."""
    (path,) = project.site.glob(f"{name}-*.dist-info/direct_url.json")
    found = json.loads(path.read_text(encoding="utf-8"))
    return found["url"], found["dir_info"].get("editable", False)


def test_a_copied_or_moved_project_is_not_fresh_until_it_is_installed_from_where_it_lies(
    tiny: Project, tmp_path: Path
) -> None:
    assert tiny.uvwatch("sync").returncode == 0
    copy = moved_to(tiny, tmp_path / "copy")
    shutil.copytree(tiny.root, copy.root, symlinks=True)
    copy.edit("src/tiny/__init__.py", "one", "two")
    told = f"tiny in {copy.prefix} was installed from {tiny.root}, not from {copy.root}"
    unknown = copy.uvwatch("check")
    assert (unknown.returncode, unknown.stdout) == (2, f"could not find out: {told}: run `uvwatch sync`\n")

    before = tiny.files()
    keys = copy.uvwatch("init", "cache-keys", "--write")
    assert (keys.returncode, keys.stderr) == (2, f"uvwatch: error: {told}: run `uvwatch sync`\n")
    assert tiny.files() == before

    with copy.watch() as daemon:
        assert copy.installed("tiny/__init__.py") == 'VALUE = "two"\n'
        assert installed_from(copy) == (copy.root.as_uri(), False)
        copy.edit("src/tiny/__init__.py", "two", "three")
        assert daemon.cycle()[0] == "uvwatch: updating tiny: 1 file changed (src/tiny/__init__.py)"
        assert daemon.stop() == ["uvwatch: stopped"]
    assert copy.uvwatch("check").stdout == "tiny is fresh\n"
    assert tiny.uvwatch("check").stdout == "tiny is fresh\n"

    there = moved_to(tiny, tmp_path / "there")
    tiny.root.rename(there.root)
    assert there.uvwatch("check").returncode == 2
    done = there.uvwatch("sync")
    assert done.returncode == 0, done.stdout + done.stderr
    assert installed_from(there) == (there.root.as_uri(), False)
    assert there.uvwatch("check").stdout == "tiny is fresh\n"


def test_what_a_copied_workspace_has_inside_is_installed_from_there_each_in_its_mode(
    make: Make, tmp_path: Path
) -> None:
    red = {f"red/{path}".replace("tiny", "red"): text.replace("tiny", "red") for path, text in TINY.items()}
    red["red/pyproject.toml"] += 'dependencies = ["blue"]\n[tool.uv.sources]\nblue = {path = "../libs/blue"}\n'
    blue = {f"libs/blue/{path}".replace("tiny", "blue"): text.replace("tiny", "blue") for path, text in TINY.items()}
    workspace = make({"pyproject.toml": '[tool.uv.workspace]\nmembers = ["red"]\n', **red, **blue})
    workspace.uv("sync", "--all-packages")
    assert installed_from(workspace, "blue") == ((workspace.root / "libs" / "blue").as_uri(), False)
    copy = moved_to(workspace, tmp_path / "copy")
    shutil.copytree(workspace.root, copy.root, symlinks=True)
    assert "blue in " in copy.uvwatch("check").stdout

    done = copy.uvwatch("sync", "--json")

    assert done.returncode == 0, done.stdout + done.stderr
    assert [(each["name"], each["action"], each["added"]) for each in json.loads(done.stdout)["distributions"]] == [
        ("blue", "reinstall", []),
        ("red", "reinstall", []),
    ]
    assert installed_from(copy, "red") == ((copy.root / "red").as_uri(), True)
    assert installed_from(copy, "blue") == ((copy.root / "libs" / "blue").as_uri(), False)
