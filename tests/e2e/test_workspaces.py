"""Workspaces and mixed modes: who is updated when a member changes, and who is left alone when uv.lock does."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.e2e.conftest import Make, Project

BACKEND = """\
[build-system]
requires = ["uv_build>=0.9"]
build-backend = "uv_build"
"""


def member(name: str, *, depends: str = "", root: str = "", further: str = "") -> dict[str, str]:
    pyproject = f"""\
{BACKEND}
[project]
name = "{name}"
version = "1.0"
requires-python = ">=3.10"
dependencies = [{depends}]
{further}"""
    return {f"{root}pyproject.toml": pyproject, f"{root}src/{name}/__init__.py": f'VALUE = "{name} one"\n'}


WORKSPACE = """
[tool.uv.workspace]
members = ["packages/*"]
exclude = ["packages/notes"]
"""
VIRTUAL = {"pyproject.toml": WORKSPACE.lstrip()}
MEMBERS: Mapping[str, str] = {
    **member("red", root="packages/red/"),
    **member("green", root="packages/green/"),
    **member("blue", root="packages/blue/"),
    "packages/notes/readme.txt": "no member\n",
}


def modes(project: Project) -> dict[str, bool]:
    """Which local distributions are installed, and whether editable, as uv left it on disk."""
    found = {}
    for path in project.site.glob("*.dist-info/direct_url.json"):
        found[path.parent.name.partition("-")[0]] = json.loads(path.read_text())["dir_info"].get("editable", False)
    return found


@contextmanager
def held(project: Project) -> Iterator[None]:
    """Hold updates, so that all that is written meanwhile is one batch."""
    lock = project.root / ".git" / "index.lock"
    lock.parent.mkdir(exist_ok=True)
    lock.touch()
    yield
    lock.unlink()


def inodes(project: Project, *names: str) -> dict[str, int]:
    """Files that were not written anew keep their inode."""
    return {
        path.relative_to(project.site).as_posix(): path.stat().st_ino
        for name in names
        for path in (*project.site.glob(f"{name}/*.py"), *project.site.glob(f"{name}-*.dist-info/RECORD"))
    }


def finished(project: Project, *arguments: str) -> Any:
    done = project.uvwatch("sync", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_changed_member_is_updated_alone_and_two_in_one_cycle(make: Make) -> None:
    project = make({**VIRTUAL, **MEMBERS})
    project.uv("sync", "--all-packages", "--no-editable")
    with project.watch() as daemon:
        assert daemon.out.seen[-1].startswith("uvwatch: ready, watching 3 distributions (blue, green, red) in ")
        others = inodes(project, "green", "blue")

        project.edit("packages/red/src/red/__init__.py", "one", "two")
        begin, end = daemon.cycle()
        assert begin == "uvwatch: updating red: 1 file changed (packages/red/src/red/__init__.py)"
        assert "(patch: 1 changed)" in end
        assert inodes(project, "green", "blue") == others

        with held(project):  # as a checkout does
            project.write({"packages/green/src/green/new.py": "", "packages/blue/src/blue/new.py": ""})
        begin, end = daemon.cycle()
        assert begin.startswith("uvwatch: updating 2 distributions (blue, green): 2 files changed (")
        assert end.startswith("uvwatch: updated 2 distributions (blue, green) in ")
        assert project.installed("green/new.py") == project.installed("blue/new.py") == ""
        assert inodes(project, "green", "blue").items() >= {
            (path, inode) for path, inode in others.items() if not path.endswith("RECORD")
        }

        # One member that does not build takes no other with it.
        with held(project):
            (project.root / "packages/red/src/red/__init__.py").unlink()
            project.edit("packages/green/src/green/__init__.py", "one", "three")
        lines = daemon.cycle()
        assert project.installed("green/__init__.py") == 'VALUE = "green three"\n'
        assert project.installed("red/__init__.py") == 'VALUE = "red two"\n'
        assert lines[-1].startswith("uvwatch: failed red after ")
        assert lines[-1].endswith("(updated green)")


def test_a_root_with_a_package_is_kept_beside_its_members(make: Make) -> None:
    sources = '[tool.uv.sources]\nred = {workspace = true}\nblue = {path = "elsewhere/blue"}\n'
    root = member("root", depends='"red", "blue"', further=WORKSPACE + sources)
    project = make({**root, **member("red", root="packages/red/"), **member("blue", root="elsewhere/blue/")})
    project.uv("sync", "--no-editable")
    assert finished(project)["outcome"] == "unchanged"

    project.edit("src/root/__init__.py", "one", "two")
    project.edit("packages/red/src/red/__init__.py", "one", "two")
    project.edit("elsewhere/blue/src/blue/__init__.py", "one", "two")
    cycle = finished(project)

    assert [each["name"] for each in cycle["distributions"]] == ["blue", "red", "root"]
    assert {each["action"] for each in cycle["distributions"]} == {"patch"}
    code = "import root, red, blue; print(root.VALUE, red.VALUE, blue.VALUE, sep=',')"
    assert project.python(code) == "root two,red two,blue two"


def test_a_path_dependency_outside_the_projects_tree_is_watched_and_updated_where_it_lies(make: Make) -> None:
    sources = '[tool.uv.sources]\nblue = {path = "../apart/blue"}\n'
    project = make({**member("root", depends='"blue"', further=sources), **member("blue", root="../apart/blue/")})
    project.uv("sync", "--no-editable")
    with project.watch() as daemon:
        assert daemon.out.seen[-1].startswith("uvwatch: ready, watching 2 distributions (blue, root) in ")
        others = inodes(project, "root")
        project.edit("../apart/blue/src/blue/__init__.py", "one", "two")
        begin, end = daemon.cycle()
        assert begin == "uvwatch: updating blue: 1 file changed (../apart/blue/src/blue/__init__.py)"
        assert end.startswith("uvwatch: updated blue in ")
        assert project.installed("blue/__init__.py") == 'VALUE = "blue two"\n'
        assert inodes(project, "root") == others


def test_a_changed_lock_leaves_every_installed_member_there_and_in_its_mode(make: Make) -> None:
    project = make({**VIRTUAL, **MEMBERS})
    project.uv("sync", "--all-packages", "--no-editable", "--no-install-package", "green")
    project.uv("sync", "--inexact", "--package", "green")
    assert modes(project) == {"red": False, "green": True, "blue": False}
    with project.watch() as daemon:
        # Another command's doing, but for the lock nothing of it concerns the mode.
        project.edit("packages/red/pyproject.toml", "dependencies = []", 'dependencies = ["idna"]')
        project.uv("lock")
        while project.installed("idna/__init__.py") is None:
            daemon.cycle()

        assert modes(project) == {"red": False, "green": True, "blue": False}
        assert "Requires-Dist: idna" in (project.installed("red-1.0.dist-info/METADATA") or "")
        daemon.stop()
        assert not [line for line in daemon.err.rest() if "editable-flip" in line]


def test_an_environment_made_again_has_each_distribution_in_its_mode(make: Make) -> None:
    sources = "[tool.uv.sources]\nred = {workspace = true}\n"
    root = member("root", depends='"red"', further=WORKSPACE + sources)
    project = make({**root, **member("red", root="packages/red/")})
    project.uv("sync", "--no-editable")
    project.uv("sync", "--inexact", "--package", "red")
    assert modes(project) == {"root": False, "red": True}
    with project.watch() as daemon:
        project.run("rm", "-rf", ".venv", check=True)
        daemon.out.until("uvwatch: updated")

        assert modes(project) == {"root": False, "red": True}
        daemon.stop()
        assert not [line for line in daemon.err.rest() if "editable-flip" in line]
