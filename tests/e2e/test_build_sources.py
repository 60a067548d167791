"""A build backend of one's own by ``[tool.uv.sources]``: uv alone knows where it is, so uv builds."""

from tests.e2e.conftest import TINY, Make
from tests.e2e.test_layouts import require_equal

HOUSE = """\
from pathlib import Path

from flit_core.buildapi import build_editable, get_requires_for_build_editable, get_requires_for_build_wheel
from flit_core.buildapi import build_wheel as build_with_flit


def build_wheel(directory, config_settings=None, metadata_directory=None):
    Path("served/made.txt").write_text("made of " + Path("template.txt").read_text())
    return build_with_flit(directory, config_settings, metadata_directory)
"""
SERVED = {
    "pyproject.toml": """\
[build-system]
requires = ["house"]
build-backend = "house"

[project]
name = "served"
version = "1.0"
description = "Built in-house."
requires-python = ">=3.10"

[tool.uv.sources]
house = { path = "../house" }
""",
    "served/__init__.py": "",
    "served/gone.py": "",
    "template.txt": "one\n",
    "../house/pyproject.toml": TINY["pyproject.toml"].replace('"tiny"', '"house"') + 'dependencies = ["flit_core"]\n',
    "../house/src/house/__init__.py": HOUSE,
}


def test_a_build_requirement_in_a_directory_beside_is_left_to_uv_and_the_copy_equals_its_reinstall(make: Make) -> None:
    project = make(SERVED)
    project.uv("sync", "--no-editable")
    assert project.uvwatch("check").returncode == 0
    project.write({"template.txt": "two\n", "served/added.html": "<p>added</p>\n"})
    (project.root / "served" / "gone.py").unlink()

    done = project.uvwatch("sync", "-vv")

    assert done.returncode == 0, done.stderr
    assert "(rebuild: 1 changed, 1 added, 1 removed)" in done.stdout
    (built,) = [line for line in done.stderr.splitlines() if "build.by_uv" in line]
    assert "tool.uv.sources names house" in built
    assert project.installed("served/made.txt") == "made of two\n"
    require_equal(project, ("served",))
