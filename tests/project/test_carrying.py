"""Each line, held against a real build of the backend that it is for; the rest by what is said."""

import os
import subprocess
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import tomli
from uv import find_uv_bin

from uvwatch.project.carrying import Carrying, Wanted, backend_of, carrying, toml

GENERATED = Wanted(path="src/app/static", is_directory=True, place="app/static", package="app", packages=("src/app",))
MESSAGES = Wanted(path="src/app/**/*.mo", is_directory=False, place="app/**/*.mo", package="app", packages=("src/app",))

BACKENDS = {
    "hatchling": ("hatchling", "hatchling.build"),
    "setuptools": ("setuptools", "setuptools.build_meta"),
    "poetry": ("poetry-core", "poetry.core.masonry.api"),
    "pdm": ("pdm-backend", "pdm.backend"),
    "uv_build": ("uv_build", "uv_build"),
    "flit": ("flit_core", "flit_core.buildapi"),
}

DROPPED_BY = {
    "hatchling": "",
    "setuptools": "",
    "poetry": "",
    "pdm": '[tool.pdm.build]\nexcludes = ["src/app/static", "**/*.mo"]\n',
    "uv_build": '[tool.uv.build-backend]\nwheel-exclude = ["src/app/static", "*.mo"]\n',
}
"""What each backend needs to leave the generated files out; flit never does."""


def pyproject_of(name: str, settings: str = "") -> str:
    requires, backend = BACKENDS[name]
    return (
        f'[build-system]\nrequires = ["{requires}"]\nbuild-backend = "{backend}"\n'
        '[project]\nname = "app"\nversion = "1"\ndescription = "x"\nrequires-python = ">=3.10"\n' + settings
    )


def with_line(settings: str, advised: Carrying) -> str:
    """Do what is advised: put the line in its table, in place of the one of its key."""
    assert advised.line is not None
    key = advised.line.partition(" = ")[0]
    kept = [line for line in settings.splitlines() if not line.startswith(f"{key} = ")]
    head = f"[{advised.table}]"
    if head in kept:
        kept.insert(kept.index(head) + 1, advised.line)
        return "\n".join(kept) + "\n"
    return "\n".join([*kept, head, advised.line]) + "\n"


def wheel_of(root: Path, pyproject: str) -> set[str]:
    """Build with uv, offline where its cache holds the backend, and give the names in the wheel."""
    files = {
        "pyproject.toml": pyproject,
        ".gitignore": "src/app/static/\n*.mo\n",
        "src/app/__init__.py": '"""An application."""\n',
        "src/app/static/a.css": "a",
        "src/app/static/deep/b.css": "b",
        "src/app/locale/de/app.mo": "m",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    environ = {name: value for name, value in os.environ.items() if name not in ("UV", "VIRTUAL_ENV")}
    command = [find_uv_bin(), "build", "--quiet", "--wheel", "--out-dir", "made"]
    done = subprocess.run(command, cwd=root, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    [wheel] = (root / "made").glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    wheel.unlink()
    return {name for name in names if not name.endswith("/") and ".dist-info/" not in name}


CARRIED = {"app/__init__.py", "app/static/a.css", "app/static/deep/b.css", "app/locale/de/app.mo"}


@pytest.mark.parametrize("name", DROPPED_BY)
def test_the_lines_make_the_backend_carry_what_it_left_out(name: str, tmp_path: Path) -> None:
    settings = DROPPED_BY[name]
    assert wheel_of(tmp_path, pyproject_of(name, settings)) == {"app/__init__.py"}

    for wanted in (GENERATED, MESSAGES):
        advised = carrying(tomli.loads(pyproject_of(name, settings)), wanted)
        assert advised.line is not None
        assert advised.line in advised.sentence
        settings = with_line(settings, advised)

    assert wheel_of(tmp_path, pyproject_of(name, settings)) == CARRIED


def test_flit_carries_all_by_itself(tmp_path: Path) -> None:
    assert wheel_of(tmp_path, pyproject_of("flit")) == CARRIED
    assert carrying(tomli.loads(pyproject_of("flit")), GENERATED).line is None


def advised(backend: str, settings: str = "", wanted: Wanted = GENERATED) -> Carrying:
    return carrying({"build-system": {"build-backend": backend}, **tomli.loads(settings)}, wanted)


@pytest.mark.parametrize(
    ("backend", "sentence"),
    [
        ("hatchling.build", 'add `artifacts = ["src/app/static"]` under [tool.hatch.build.targets.wheel] in pyproject'),
        ("setuptools.build_meta", 'add `app = ["static/**"]` under [tool.setuptools.package-data] in pyproject.toml'),
        ("scikit_build_core.build", 'add `sdist.include = ["src/app/static"]` under [tool.scikit-build] in pyproject'),
        ("maturin", '`include = [{ path = "src/app/static/**/*", format = ["sdist", "wheel"] }]` under [tool.maturin]'),
        ("mesonpy", "to meson.build"),
        ("uv_build", "uv_build carries all that lies in the package's directory"),
        ("my_own", "the documentation of my_own"),
    ],
)
def test_every_backend_has_its_own_line(backend: str, sentence: str) -> None:
    assert sentence in advised(backend).sentence


def test_what_the_setting_held_stays() -> None:
    settings = '[tool.hatch.build.targets.wheel]\nartifacts = ["*.so"]\n'

    assert advised("hatchling.build", settings).line == 'artifacts = ["*.so", "src/app/static"]'


def test_a_setting_that_names_it_already_is_not_repeated() -> None:
    settings = '[tool.hatch.build.targets.wheel]\nartifacts = ["src/app/static"]\n'
    said = advised("hatchling.build", settings)

    assert said.line is None
    assert "only-include" in said.sentence


def test_settings_in_hatch_toml_are_answered_there() -> None:
    hatch: Mapping[str, Any] = {"build": {"targets": {"wheel": {"packages": ["src/app"]}}}}
    said = carrying({"build-system": {"build-backend": "hatchling.build"}}, GENERATED, hatch_toml=hatch)

    assert (said.file, said.table) == ("hatch.toml", "build.targets.wheel")


@pytest.mark.parametrize(
    ("declared", "name"),
    [
        ({"build-backend": "flit_core.buildapi"}, "flit_core"),
        ({"build-backend": "setuptools.build_meta:__legacy__"}, "setuptools"),
        ({}, "setuptools"),
        ({"build-backend": 7}, "setuptools"),
    ],
)
def test_a_backend_is_known_by_the_first_part_of_its_name(declared: Mapping[str, Any], name: str) -> None:
    assert backend_of({"build-system": declared}) == name


@pytest.mark.parametrize(
    "value", ["a", 'with "quotes" and \\', "naïve €", ["a", {"path": "x", "odd key": True}], {"n": 3}]
)
def test_a_value_is_written_as_toml_reads_it(value: Any) -> None:
    assert tomli.loads(f"value = {toml(value)}") == {"value": value}
