"""Editable installs: what is live costs nothing, what Python cannot see by itself leads to an editable reinstall."""

import json
from typing import Any

import pytest

from tests.e2e.conftest import TINY, Make, Project

STRICT = {
    "pyproject.toml": """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "strict"
version = "1.0"
requires-python = ">=3.10"

[tool.uv]
config-settings = { editable_mode = "strict" }
""",
    "src/strict/__init__.py": "",
}
EXTENSION = {
    "pyproject.toml": """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "native"
version = "1.0"
requires-python = ">=3.10"

[tool.setuptools]
package-dir = { native = "lib/native" }
packages = ["native"]
ext-modules = [{ name = "native.fast", sources = ["csrc/fast.c"] }]
""",
    "lib/native/__init__.py": "",
    "csrc/fast.c": """\
#include <Python.h>
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "fast", NULL, -1, NULL};
PyMODINIT_FUNC PyInit_fast(void) {
    PyObject *made = PyModule_Create(&module);
    PyModule_AddIntConstant(made, "VALUE", 1);
    return made;
}
""",
}


def actions(project: Project, *arguments: str) -> dict[str, str]:
    """What ``sync`` did for each distribution."""
    done = project.uvwatch("sync", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return {each["name"]: each["action"] for each in json.loads(done.stdout)["distributions"]}


def is_editable(project: Project) -> Any:
    (path,) = project.site.glob("*.dist-info/direct_url.json")
    return json.loads(path.read_text())["dir_info"].get("editable", False)


def test_with_a_directory_of_links_a_new_module_leads_to_a_reinstall_and_a_changed_one_does_not(make: Make) -> None:
    project = make(STRICT)
    project.uv("sync")
    with project.watch() as daemon:
        assert "a directory of links leads to your files" in daemon.err.until(".*editable-install")[-1]
        project.write({"src/strict/__init__.py": "VALUE = 'live'\n"})
        assert project.python("import strict; print(strict.VALUE)") == "live"

        project.write({"src/strict/new.py": "VALUE = 'found'\n"})
        begin, _end = daemon.cycle()
        assert begin == "uvwatch: updating strict: 1 file changed (src/strict/new.py)"
        assert project.python("import strict.new; print(strict.new.VALUE)") == "found"
        assert is_editable(project)
        daemon.stop()
    (project.root / "src/strict/new.py").unlink()
    assert actions(project) == {"strict": "reinstall"}
    assert actions(project) == {"strict": "none"}


def test_behind_an_import_hook_a_compilers_source_and_a_new_package_lead_to_a_reinstall(make: Make) -> None:
    project = make(EXTENSION)
    project.uv("sync")
    assert actions(project) == {"native": "none"}

    project.edit("csrc/fast.c", '"VALUE", 1', '"VALUE", 2')
    assert actions(project) == {"native": "reinstall"}
    assert project.python("import native.fast; print(native.fast.VALUE)") == "2"
    project.write({"lib/native/live.py": "VALUE = 'live'\n"})
    assert actions(project) == {"native": "none"}
    assert project.python("import native.live; print(native.live.VALUE)") == "live"
    assert is_editable(project)


def test_an_input_in_another_directory_and_entry_points_are_taken_up_and_the_install_stays_editable(make: Make) -> None:
    readme = TINY["pyproject.toml"] + 'readme = "docs/readme.md"\n'
    project = make({**TINY, "pyproject.toml": readme, "docs/readme.md": "one\n"})
    project.uv("sync")
    with project.watch() as daemon:
        project.write({"docs/readme.md": "two\n"})
        begin, _end = daemon.cycle()
        assert begin == "uvwatch: updating tiny: 1 file changed (docs/readme.md)"
        assert (project.installed("tiny-1.0.dist-info/METADATA") or "").endswith("\ntwo\n")

        script = readme + '[project.scripts]\nhello = "tiny:main"\n'
        project.write({"src/tiny/__init__.py": "def main(): print('hello')\n"})
        project.write({"pyproject.toml": script})
        daemon.cycle()
        assert project.run(project.prefix / "bin" / "hello", check=True).stdout == "hello\n"
        assert is_editable(project)


def test_a_flip_is_put_back_three_times_then_left_and_told_once_each(tiny: Project) -> None:
    with tiny.watch() as daemon:
        for _ in range(3):
            tiny.uv("run", "python", "-c", "pass")
            daemon.out.until("uvwatch: updated")
            assert is_editable(tiny) is False
        tiny.uv("run", "python", "-c", "pass")
        daemon.cycle()
        assert is_editable(tiny) is True
        tiny.edit("pyproject.toml", 'version = "1.0"', 'version = "1.1"')
        daemon.cycle()
        assert is_editable(tiny) is True
        daemon.stop()
        flips = [line for line in daemon.err.rest() if "editable-flip" in line]
    assert ["again and again" in line for line in flips] == [False, False, False, True]
    assert tiny.uvwatch("sync", "--no-editable").returncode == 0
    assert is_editable(tiny) is False


@pytest.mark.parametrize(
    ("policy", "arguments", "editable"), [("always", ("--no-editable",), True), ("never", (), False)]
)
def test_the_setting_has_the_last_word_about_the_mode(
    make: Make, policy: str, arguments: tuple[str, ...], editable: bool
) -> None:
    setting = f'\n[tool.uvwatch]\neditable = "{policy}"\n'
    project = make({**TINY, "pyproject.toml": TINY["pyproject.toml"] + setting})
    project.uv("sync", *arguments)
    assert is_editable(project) is not editable

    assert actions(project) == {"tiny": "reinstall"}
    assert is_editable(project) is editable
