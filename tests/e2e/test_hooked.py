"""Editable installs by the import hooks of compiling backends: what the hook shows, and what needs a reinstall."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from scripts.torture_projects import SAMPLES, lay_out
from tests.e2e.conftest import Project, Sampled
from tests.e2e.test_editables import actions, is_editable


@pytest.fixture
def editable(tmp_path: Path, user: Mapping[str, str]) -> Sampled:
    """Copy a sample project by its name, installed as uv does it unless told otherwise."""

    def made(name: str) -> Project:
        root = tmp_path / name
        lay_out(next(each for each in SAMPLES if each.name == name), root, user)
        project = Project(root=root, env=user, prefix=root / ".venv")
        project.uv("sync")
        return project

    return made


def test_what_meson_has_to_configure_anew_is_reinstalled_before_an_import_fails_on_it(editable: Sampled) -> None:
    project = editable("meson-plain")
    with project.watch() as daemon:
        assert "an import hook leads to your files" in daemon.err.until(".*editable-install")[-1]
        project.edit("meson_plain/__init__.py", "one", "live")
        assert project.python("import meson_plain; print(meson_plain.VALUE)") == "live"

        # Its hook compiles by itself, but runs a Meson that uv removed as soon as the install was made.
        project.write({"meson_plain/added.py": "VALUE = 'found'\n"})
        project.edit("meson_plain/fast.c", "VALUE * 1", "VALUE * 2")
        project.edit("meson.build", "'meson_plain/gone.py'", "'meson_plain/added.py'")
        assert project.uvwatch("sync").returncode == 0
        code = "import meson_plain.added as added, meson_plain.fast as fast; print(added.VALUE, fast.value())"
        assert project.python(code) == "found 2"
        assert is_editable(project)
        # What the install and the import compiled in the tree is nobody's change.
        assert actions(project) == {"meson-plain": "none"}
        begun = [line for line in daemon.stop() if line.startswith("uvwatch: updating")]
        assert 0 < len(begun) <= len(("fast.c", "meson.build")), begun


def test_of_cmake_the_compiled_and_configured_files_are_reinstalled_and_all_modules_are_live(editable: Sampled) -> None:
    project = editable("scikit-cmake")
    assert actions(project) == {"scikit-cmake": "none"}

    project.edit("src/scikit_cmake/__init__.py", "one", "live")
    project.write({"src/scikit_cmake/added.py": "VALUE = 'found'\n"})
    assert actions(project) == {"scikit-cmake": "none"}
    code = "import scikit_cmake as package, scikit_cmake.added as added; print(package.VALUE, added.VALUE)"
    assert project.python(code) == "live found"

    project.edit("src/fast.c", "VALUE * 1", "VALUE * 2")
    project.edit("CMakeLists.txt", "VALUE one", "VALUE two")
    assert actions(project) == {"scikit-cmake": "reinstall"}
    code = "from scikit_cmake import config, fast; print(config.VALUE, fast.value())"
    assert project.python(code) == "two 2"
    assert is_editable(project)
