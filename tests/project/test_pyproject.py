from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from uvwatch.core.config import Config
from uvwatch.errors import Fatal
from uvwatch.project.pyproject import (
    BrokenPyproject,
    compiles_bytecode,
    is_package,
    project_name,
    read_if_there,
    read_pyproject,
    strings,
    table,
)


@pytest.mark.parametrize(
    "data",
    [
        b'[project]\nname = "caf\xc3\xa9"\n',
        b'\xef\xbb\xbf[project]\nname = "caf\xc3\xa9"\n',
        b'[project]\r\nname = "caf\xc3\xa9"\r\n',
    ],
)
def test_toml_is_read_with_or_without_a_byte_order_mark_and_with_any_line_ends(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_bytes(data)

    assert read_pyproject(path) == {"project": {"name": "café"}}


@pytest.mark.parametrize(
    ("data", "line", "column"),
    [
        (b"x = = 1\n", 1, 5),
        (b"a = 1\nb = [1,\n", 3, 1),
        (b"a = 1\na = 2\n", 2, 6),
        (b"a = 1\nb = '\xe9'\n", 2, 6),
        (b"\xff", 1, 1),
    ],
)
def test_what_does_not_parse_is_named_with_its_place(tmp_path: Path, data: bytes, line: int, column: int) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_bytes(data)

    with pytest.raises(BrokenPyproject) as caught:
        read_pyproject(path)

    error = caught.value
    assert isinstance(error, Fatal)
    assert (error.path, error.line, error.column) == (path, line, column)
    assert str(error) == f"{path}:{line}:{column}: {error.message}"
    assert "\n" not in error.message


@pytest.mark.parametrize("data", [b"x = " + b"[" * 100_000, b"x = " + b"1" * 10_000])
def test_what_exceeds_the_parsers_bounds_is_broken_too(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "pyproject.toml"
    path.write_bytes(data)

    with pytest.raises(BrokenPyproject) as caught:
        read_pyproject(path)

    assert str(caught.value).startswith(f"{path}: ")


def test_what_cannot_be_opened_is_broken_without_a_place(tmp_path: Path) -> None:
    with pytest.raises(BrokenPyproject, match="cannot be read: No such file or directory") as caught:
        read_pyproject(tmp_path / "pyproject.toml")
    with pytest.raises(BrokenPyproject, match="cannot be read: Is a directory"):
        read_pyproject(tmp_path)

    assert (caught.value.line, caught.value.column) == (None, None)


def test_what_is_not_there_is_told_from_what_cannot_be_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "pyproject.toml"
    assert read_if_there(path) is None
    assert read_if_there(path / "below") is None
    path.symlink_to("x" * 256)
    with pytest.raises(BrokenPyproject, match="cannot be read: "):
        read_if_there(path)
    path.unlink()
    path.write_text("a = 1\n")
    assert read_if_there(path) == {"a": 1}
    assert read_if_there(path / "below") is None


@pytest.mark.parametrize(
    ("pyproject", "expected"),
    [
        ({}, False),
        ({"build-system": {}}, True),
        ({"tool": {"uv": {"package": True}}}, True),
        ({"build-system": {}, "tool": {"uv": {"package": False}}}, False),
        ({"build-system": {}, "tool": {"uv": {"package": "no"}}}, True),
    ],
)
def test_a_package_has_a_build_system_unless_uv_is_told_otherwise(
    pyproject: Mapping[str, Any], *, expected: bool
) -> None:
    assert is_package(pyproject) is expected


@pytest.mark.parametrize(
    ("pyproject", "expected"),
    [({"project": {"name": "My.App_x"}}, "my-app-x"), ({"project": {}}, None), ({}, None), ({"project": 1}, None)],
)
def test_the_name_is_normalised(pyproject: Mapping[str, Any], expected: str | None) -> None:
    assert project_name(pyproject) == expected


def test_a_path_of_tables_ends_where_there_is_none() -> None:
    assert table({"a": {"b": {"c": 1}}}, "a", "b") == {"c": 1}
    assert table({"a": {"b": 1}}, "a", "b", "c") == {}


def test_only_the_strings_of_a_list_are_taken() -> None:
    assert strings(["a", 1, "b"]) == ("a", "b")
    assert strings("ab") == ()


UV_ON: Mapping[str, Any] = {"tool": {"uv": {"compile-bytecode": True}}}
UV_OFF: Mapping[str, Any] = {"tool": {"uv": {"compile-bytecode": False}}}


@pytest.mark.parametrize(
    ("own", "pyproject", "environ", "expected"),
    [
        (None, {}, {}, False),
        (None, UV_ON, {}, True),
        (None, UV_OFF, {"UV_COMPILE_BYTECODE": "1"}, True),
        (None, UV_OFF, {"UV_COMPILE_BYTECODE": "True"}, True),
        (None, UV_ON, {"UV_COMPILE_BYTECODE": "0"}, True),
        (None, {}, {"UV_COMPILE_BYTECODE": "0"}, False),
        (None, {}, {"UV_COMPILE_BYTECODE": ""}, False),
        (False, UV_ON, {"UV_COMPILE_BYTECODE": "1"}, False),
        (True, {}, {}, True),
    ],
)
def test_our_setting_decides_about_bytecode_then_uvs_variable_then_uvs_table(
    own: bool | None,
    pyproject: Mapping[str, Any],
    environ: Mapping[str, str],
    *,
    expected: bool,
) -> None:
    assert compiles_bytecode(Config(compile_bytecode=own), pyproject, environ) is expected
