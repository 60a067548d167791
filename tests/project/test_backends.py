from collections.abc import Mapping
from typing import Any

import pytest
import tomli
from hypothesis import given
from hypothesis import strategies as st
from pathspec import GitIgnoreSpec

from uvwatch.project.backends import Declared, declared

WHEEL = "tool.hatch.build.targets.wheel"
PURE: dict[str, Any] = {"build-system": {"requires": ["hatchling"]}}
"""Nothing takes part in the build that compiles."""


def artifacts(text: str) -> list[tuple[str, str]]:
    return [(each.key, each.pattern) for each in declared(tomli.loads(text)).artifacts]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (
            f'[tool.hatch.build]\nartifacts = ["*.mo"]\n[{WHEEL}]\nartifacts = ["myapp/staticfiles", "!x"]\n',
            [
                ("tool.hatch.build.artifacts[0]", "*.mo"),
                (f"{WHEEL}.artifacts[0]", "myapp/staticfiles"),
                (f"{WHEEL}.artifacts[1]", "!x"),
            ],
        ),
        (
            f'[{WHEEL}.force-include]\n"./dist/a[1]" = "x/a"\n"../out" = "y"\n"/abs" = "z"\nplain = "p"\n',
            [(f'{WHEEL}.force-include."./dist/a[1]"', r"/dist/a\[1\]"), (f"{WHEEL}.force-include.plain", "/plain")],
        ),
        (f'[{WHEEL}.shared-data]\nman = "share/man"\n', [(f"{WHEEL}.shared-data.man", "/man")]),
        (
            '[tool.setuptools.package-data]\n"my.app" = ["static/**/*.css"]\n"*" = ["*.mo"]\n',
            [
                ('tool.setuptools.package-data."my.app"[0]', "/my/app/static/**/*.css"),
                ('tool.setuptools.package-data."my.app"[0]', "/src/my/app/static/**/*.css"),
                ('tool.setuptools.package-data."*"[0]', "**/*.mo"),
            ],
        ),
        (
            '[tool.setuptools.data-files]\n"share/x" = ["data/*.txt"]\n',
            [('tool.setuptools.data-files."share/x"[0]', "/data/*.txt")],
        ),
        (
            '[tool.poetry]\ninclude = ["a", {path = "b/*", format = ["wheel"]}, {path = "c", format = "sdist"}]',
            [("tool.poetry.include[0]", "/a"), ("tool.poetry.include[1]", "/b/*")],
        ),
        ('[tool.pdm.build]\nincludes = ["gen/"]\n', [("tool.pdm.build.includes[0]", "/gen")]),
        (
            '[tool.pdm.build.wheel-data]\ndata = [{path = "man/*", relative-to = "."}]\n',
            [("tool.pdm.build.wheel-data.data[0]", "/man/*")],
        ),
        ('[tool.flit.external-data]\ndirectory = "data"\n', [("tool.flit.external-data.directory", "/data")]),
        (
            '[tool.maturin]\ndata = "d"\ninclude = [{path = "x/**/*", format = "wheel"}]\n',
            [("tool.maturin.include[0]", "/x/**/*"), ("tool.maturin.data", "/d")],
        ),
        ('[tool.scikit-build.sdist]\ninclude = ["gen.py"]\n', [("tool.scikit-build.sdist.include[0]", "gen.py")]),
        ('[tool.uv.build-backend.data]\nscripts = "bin"\n', [("tool.uv.build-backend.data.scripts", "/bin")]),
    ],
)
def test_each_backends_settings_are_named_by_their_dotted_key(text: str, expected: list[tuple[str, str]]) -> None:
    assert artifacts(text) == expected


def test_hatch_toml_takes_the_place_of_the_table_in_pyproject() -> None:
    pyproject = tomli.loads('[tool.hatch.build]\nartifacts = ["old"]\n[tool.hatch.version]\npath = "v.py"\n')
    hatch_toml = tomli.loads('[build]\nartifacts = ["new"]\n')

    found = declared(pyproject, hatch_toml=hatch_toml)

    assert [each.pattern for each in found.artifacts] == ["new"]
    assert "/v.py" in found.build_inputs
    assert [each.pattern for each in declared(pyproject).artifacts] == ["old"]


@pytest.mark.parametrize(
    "name",
    [
        "pyproject.toml",
        "setup.py",
        "setup.cfg",
        "MANIFEST.in",
        "hatch.toml",
        "hatch_build.py",
        "pdm_build.py",
        "CMakeLists.txt",
        "meson.build",
        "LICENSE",
        "LICENCE.txt",
        "COPYING",
    ],
)
def test_some_files_shape_a_wheel_by_their_name_at_the_root_alone(name: str) -> None:
    spec = GitIgnoreSpec.from_lines(declared(PURE).build_inputs)

    assert spec.match_file(name)
    assert not spec.match_file(f"below/{name}")


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('[project]\nreadme = "docs/README.md"\n', "docs/README.md"),
        ('[project]\nreadme = {file = "R.rst", content-type = "text/x-rst"}\n', "R.rst"),
        ('[project]\nlicense = {file = "legal/L.txt"}\n', "legal/L.txt"),
        ('[project]\nlicense-files = ["legal/*"]\n', "legal/X"),
        ('[tool.hatch.build.hooks.custom]\npath = "build/hook.py"\n', "build/hook.py"),
        (f'[{WHEEL}.hooks.custom]\npath = "hook.py"\n', "hook.py"),
        ('[tool.hatch.metadata.hooks.custom]\npath = "meta.py"\n', "meta.py"),
        ('[[tool.hatch.metadata.hooks.fancy-pypi-readme.fragments]]\npath = "NEWS.md"\n', "NEWS.md"),
        ('[tool.hatch.version]\npath = "src/x/__about__.py"\n', "src/x/__about__.py"),
        ('[tool.setuptools.dynamic]\nreadme = {file = ["A.md", "B.md"]}\n', "B.md"),
        ('[tool.setuptools.dynamic]\nversion = {file = "VERSION"}\n', "VERSION"),
        ('[tool.pdm.build]\ncustom-hook = "b.py"\n', "b.py"),
        ('[tool.poetry]\nbuild = "build.py"\n', "build.py"),
        ('[tool.poetry.build]\nscript = "build.py"\n', "build.py"),
        ('[tool.uv]\ncache-keys = ["a.txt", {file = "src/**/*.rs"}, {git = {commit = true}}]\n', "src/x/y.rs"),
        ('[tool.uv]\ncache-keys = ["a.txt"]\n', "a.txt"),
        ('[[tool.setuptools.ext-modules]]\nname = "x"\nsources = ["native/x.zig"]\n', "native/x.zig"),
        ('[[tool.setuptools.ext-modules]]\nname = "x"\ndepends = ["native/x.tbl"]\n', "native/x.tbl"),
        ('[[tool.scikit-build.generate]]\npath = "x.py"\ntemplate-path = "x.py.in"\n', "x.py.in"),
        ('[tool.scikit-build.metadata.version]\ninput = "src/x/__init__.py"\n', "src/x/__init__.py"),
        ('[tool.maturin]\nmanifest-path = "rust/Cargo.toml"\n', "rust/Cargo.toml"),
        ('[tool.poetry]\nreadme = ["A.md", "B.md"]\n', "B.md"),
        ('[build-system]\nbackend-path = ["backend"]\n', "backend/own/__init__.py"),
    ],
)
def test_a_file_that_pyproject_names_shapes_the_wheel(text: str, path: str) -> None:
    named, unnamed = (GitIgnoreSpec.from_lines(declared(PURE | tomli.loads(each)).build_inputs) for each in (text, ""))

    assert named.match_file(path)
    assert not unnamed.match_file(path)


@pytest.mark.parametrize(
    "text",
    [
        '[project]\nlicense = "MIT"\n',
        '[tool.setuptools.dynamic]\nversion = {attr = "x.v"}\n',
        '[tool.uv]\ncache-keys = [{env = "X"}, {dir = "src"}, {file = "../other/x"}]\n',
        '[build-system]\nbackend-path = ["."]\n',
    ],
)
def test_what_names_no_file_of_the_tree_adds_no_build_input(text: str) -> None:
    assert declared(PURE | tomli.loads(text)) == declared(PURE)


@pytest.mark.parametrize("name", ["src/x/fast.pyx", "x.c", "native/x.h", "rust/src/lib.rs", "sub/meson.build"])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        ('[build-system]\nrequires = ["setuptools>=61"]\n', True),
        ('[build-system]\nrequires = ["scikit_build_core", "pybind11"]\n', True),
        ('[build-system]\nrequires = ["hatchling"]\n', False),
        ('[build-system]\nrequires = ["hatchling", "hatch-cython"]\n', True),
        ('[build-system]\nrequires = "setuptools"\n', False),
    ],
)
def test_what_a_compiler_reads_shapes_a_wheel_where_there_is_one(text: str, name: str, expected: bool) -> None:
    spec = GitIgnoreSpec.from_lines(declared(tomli.loads(text)).build_inputs)

    assert spec.match_file(name) is expected


def test_files_that_a_setting_names_are_told_apart_from_those_known_by_their_names() -> None:
    found = declared(tomli.loads('[tool.hatch.version]\npath = "v.py"\n')).inputs

    assert [(each.key, each.pattern) for each in found] == [("tool.hatch.version.path", "/v.py")]


FLIT = '[build-system]\nbuild-backend = "flit_core.buildapi"\n'


@pytest.mark.parametrize(
    ("text", "module"),
    [
        (f'{FLIT}[project]\nname = "a-b"\ndynamic = ["version"]\n', "a_b"),
        (f'{FLIT}[project]\nname = "x"\ndynamic = ["version"]\n[tool.flit.module]\nname = "n.sub"\n', "n/sub"),
        (
            """
[project]
dynamic = ["version"]
[tool.setuptools.dynamic]
version = { attr = "x.about.VERSION" }
readme = { file = "README.md" }
""",
            "x/about",
        ),
    ],
)
def test_the_module_that_metadata_is_read_from_is_known_in_each_layout(text: str, module: str) -> None:
    found = declared(tomli.loads(text)).metadata_modules
    assert found == tuple(f"/{top}{module}{rest}" for top in ("", "src/") for rest in (".py", "/__init__.py"))
    assert declared(tomli.loads(text.replace("dynamic = [", "other = ["))).metadata_modules == ()


def test_license_files_that_are_named_replace_the_usual_names() -> None:
    spec = GitIgnoreSpec.from_lines(declared({"project": {"license-files": ["LEGAL"]}}).build_inputs)

    assert (spec.match_file("LEGAL"), spec.match_file("LICENSE")) == (True, False)


KEYS = ("tool", "hatch", "build", "targets", "wheel", "artifacts", "force-include", "poetry", "include", "project")
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | st.text(), inner, max_size=4),
    max_leaves=25,
)


@given(junk=st.dictionaries(st.sampled_from(KEYS), JUNK))
def test_no_value_of_a_wrong_type_is_an_error(junk: Mapping[str, Any]) -> None:
    assert isinstance(declared(junk), Declared)
