"""Every layout in few projects: after edits the environment equals uv's own reinstall, in bytes, RECORD and modes."""

import shutil
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from scripts.torture_copy import differences, read
from tests.e2e.conftest import TINY, Make, Project
from tests.e2e.test_workspaces import BACKEND, finished, member

FLIT = """\
[build-system]
requires = ["flit_core>=3.11"]
build-backend = "flit_core.buildapi"

[project]
name = "{name}"
requires-python = ">=3.10"
dynamic = ["version", "description"]
{further}"""
HATCH = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "{name}"
version = "1.0"
requires-python = ">=3.10"

[project.scripts]
hatch-hello = "one_import:main"

[project.gui-scripts]
hatch-window = "one_import:main"

[tool.hatch.build.targets.wheel]
packages = ["src/one_import", "src/other_import"]

[tool.hatch.build.targets.wheel.shared-data]
"shared/notes.txt" = "share/several/notes.txt"

[tool.hatch.build.targets.wheel.shared-scripts]
"shared/tool.sh" = "tool.sh"
"""
NAMESPACE = """
[tool.uv.build-backend]
module-name = "shared_space.{part}"
"""
LAYOUTS: Mapping[str, str] = {
    # One distribution with several import packages, another name, scripts of both kinds, shared data and scripts.
    "packages/several/pyproject.toml": HATCH.format(name="several-things"),
    "packages/several/src/one_import/__init__.py": "def main():\n    print('one')\n",
    "packages/several/src/other_import/__init__.py": "VALUE = 1\n",
    "packages/several/shared/notes.txt": "one\n",
    "packages/several/shared/tool.sh": "#!python\nprint('one')\n",
    # A single module, whose version and description the backend reads from it.
    "packages/single/pyproject.toml": FLIT.format(name="single", further=""),
    "packages/single/single.py": '"""Does one thing."""\n__version__ = "1.0"\n',
    # Two distributions in one namespace.
    **{
        path: text
        for part in ("left", "right")
        for path, text in (
            *member(f"space-{part}", root=f"packages/{part}/", further=NAMESPACE.format(part=part)).items(),
            (f"packages/{part}/src/shared_space/{part}/__init__.py", f"SIDE = '{part}'\n"),
        )
        if f"src/space-{part}" not in path
    },
    # Stubs, headers, data and scripts by .data.
    "packages/stubs/pyproject.toml": f"""\
{BACKEND}
[project]
name = "single-stubs"
version = "1.0"
requires-python = ">=3.10"

[tool.uv.build-backend]
data = {{ headers = "headers", data = "data", scripts = "scripts" }}
""",
    "packages/stubs/src/single-stubs/__init__.pyi": "X: int\n",
    "packages/stubs/headers/single.h": "#define ONE\n",
    "packages/stubs/data/share/one.txt": "one\n",
    "packages/stubs/scripts/stub.sh": "#!/bin/sh\necho one\n",
}
NAMES = ("several_things", "single", "space_left", "space_right", "single_stubs")
EDITS = (
    ("packages/several/src/other_import/__init__.py", "VALUE = 1", "VALUE = 2"),
    ("packages/several/shared/notes.txt", "one", "two"),
    ("packages/several/shared/tool.sh", "one", "two"),
    ("packages/left/src/shared_space/left/__init__.py", "left", "LEFT"),
    ("packages/stubs/src/single-stubs/__init__.pyi", "int", "str"),
    ("packages/stubs/headers/single.h", "ONE", "TWO"),
    ("packages/stubs/data/share/one.txt", "one", "two"),
    ("packages/stubs/scripts/stub.sh", "one", "two"),
)


def require_equal(project: Project, names: tuple[str, ...]) -> None:
    """Hold each copy against the one that uv makes of the same trees in an environment of its own."""
    # A path of the same length: a script begins in another way where its interpreter's path is too long.
    reference = project.prefix.with_name(".uvvv" if project.prefix.name == ".venv" else "r" * len(project.prefix.name))
    other = replace(project.having(UV_PROJECT_ENVIRONMENT=str(reference)), prefix=reference)
    again = [word for name in names for word in ("--reinstall-package", name.replace("_", "-"))]
    other.uv("sync", "--frozen", "--no-editable", "--all-packages", *again)
    try:
        found = {name: differences(read(project.prefix, name), read(reference, name)) for name in names}
    finally:
        shutil.rmtree(reference)
    assert found == {name: [] for name in names}


def test_all_layouts_in_a_path_with_spaces_and_umlauts_equal_uvs_reinstall(make: Make, tmp_path: Path) -> None:
    project = make({"pyproject.toml": '[tool.uv.workspace]\nmembers = ["packages/*"]\n', **LAYOUTS})
    moved = tmp_path / "mein schönes Projekt"
    project.root.rename(moved)
    project = replace(project, root=moved, prefix=moved / ".venv")
    project.uv("sync", "--all-packages", "--no-editable")
    assert finished(project)["outcome"] == "unchanged"
    project.edit("packages/single/single.py", "one thing", "another thing")
    project.edit("packages/right/src/shared_space/right/__init__.py", "right", "RIGHT")
    for path, old, new in EDITS:
        project.edit(path, old, new)

    cycle = finished(project)

    actions = {each["name"]: each["action"] for each in cycle["distributions"]}
    assert actions["space-left"] == actions["space-right"] == "patch"
    assert "Summary: Does another thing." in (project.installed("single-1.0.dist-info/METADATA") or "")
    require_equal(project, NAMES)
    project.edit("packages/single/single.py", '"1.0"', '"2.0"')
    (project.root / "packages/several/src/other_import/__init__.py").rename(
        project.root / "packages/several/src/other_import/moved.py"
    )
    finished(project)
    require_equal(project, NAMES)
    assert project.installed("single-2.0.dist-info/METADATA")
    assert project.uvwatch("check").returncode == 0
    said = project.uvwatch("explain", str(project.site / "shared_space/right/__init__.py")).stdout
    assert said.startswith("packages/right/src/shared_space/right/__init__.py: source of space-right\n")
    assert project.run(project.prefix / "bin" / "hatch-hello", check=True).stdout == "one\n"


def test_an_environment_elsewhere_behind_a_link_and_an_active_one_are_kept(make: Make, tmp_path: Path) -> None:
    project = make(TINY)
    real = tmp_path / "real"
    (tmp_path / "link").symlink_to(real)
    elsewhere = replace(project.having(UV_PROJECT_ENVIRONMENT=str(tmp_path / "link")), prefix=real)
    elsewhere.uv("venv", "--quiet", str(real))
    elsewhere.uv("sync", "--no-editable")
    active = replace(project.having(VIRTUAL_ENV=str(tmp_path / "active")), prefix=tmp_path / "active")
    active.uv("venv", "--quiet", str(active.prefix))
    active.uv("sync", "--active", "--no-editable")
    assert not (project.root / ".venv").exists()
    for number, (place, arguments) in enumerate(((elsewhere, ()), (active, ("--active",)))):
        place.write({"src/tiny/value.py": f"VALUE = {number}\n"})
        assert finished(place, *arguments)["outcome"] == "updated"
        assert place.python("import tiny.value; print(tiny.value.VALUE)") == str(number)
    assert not (project.root / ".venv").exists()


def test_an_environment_without_pyvenv_cfg_is_changed_by_uv_alone_and_keeps_no_state_of_ours(
    make: Make, tmp_path: Path
) -> None:
    project = make(TINY)
    # A Python of its own, as conda and images have it: the interpreter's own library, copied, and no pyvenv.cfg.
    prefix = tmp_path / "conda"
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    (prefix / "lib" / version / "site-packages").mkdir(parents=True)
    (prefix / "bin").mkdir()
    base = Path(sys.base_prefix)
    for path in (base / "lib" / version).iterdir():
        if path.name != "site-packages":
            (prefix / "lib" / version / path.name).symlink_to(path)
    for path in (base / "lib").glob("libpython*"):
        (prefix / "lib" / path.name).symlink_to(path)
    shutil.copy(Path(sys.base_prefix, "bin", version), prefix / "bin" / "python")
    place = replace(project.having(UV_PROJECT_ENVIRONMENT=str(prefix)), prefix=prefix)
    place.uv("sync", "--no-editable")
    place.write({"src/tiny/value.py": "VALUE = 1\n"})

    cycle = finished(place)

    assert cycle["distributions"][0]["action"] == "reinstall"
    # Asked of the interpreter: Debian's installs elsewhere than in site-packages.
    assert place.python("import tiny.value; print(tiny.value.VALUE)") == "1"
    assert not (prefix / ".uvwatch").exists()
    assert place.uvwatch("check").returncode == 0


def test_a_distribution_that_the_lock_does_not_know_is_warned_of_and_kept_fresh(make: Make, tmp_path: Path) -> None:
    project = make(TINY)
    project.uv("sync", "--no-editable")
    stranger = replace(project, root=tmp_path / "stranger")
    stranger.write(member("stranger"))
    project.uv("pip", "install", "../stranger")
    stranger.write({"src/stranger/new.py": "NEW = 1\n"})
    stranger.edit("pyproject.toml", 'version = "1.0"', 'version = "1.1"')

    done = project.uvwatch("sync")

    assert done.returncode == 0, done.stderr
    assert "not-locked" in done.stderr
    assert project.installed("stranger/new.py") == "NEW = 1\n"
    assert project.installed("stranger-1.1.dist-info/METADATA")
