from pathlib import Path

import pytest

from uvwatch.installing.uvsettings import uv_tomls, why_uv
from uvwatch.project.workspace import find

PLAIN = '[build-system]\nrequires = ["hatchling"]\n[project]\nname = "app"\nversion = "0"\n'


def write(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def why(root: Path, member: str = "", **environ: str) -> str | None:
    environ = {"HOME": str(root / "home"), "XDG_CONFIG_DIRS": str(root / "xdg"), **environ}
    return why_uv(str(root / member), workspace=find(root), environ=environ, python_version="3.11.7")


def test_a_plain_project_is_built_here(tmp_path: Path) -> None:
    write(tmp_path / "pyproject.toml", PLAIN)
    assert why(tmp_path) is None


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("pyproject.toml", PLAIN + "[tool.uv]\nno-build-isolation = true\n", "tool.uv.no-build-isolation is set"),
        ("uv.toml", "", "{root}/uv.toml has settings of uv"),
        ("home/.config/uv/uv.toml", 'exclude-newer = "2024-01-01"', "uv.toml sets exclude-newer"),
        ("xdg/uv/uv.toml", 'exclude-newer = "2024-01-01"', "uv.toml sets exclude-newer"),
        ("home/.config/uv/uv.toml", 'index-url = "https://example.org"', None),
        ("home/.config/uv/uv.toml", "x", "{root}/home/.config/uv/uv.toml:1:2: "),
    ],
)
def test_settings_are_found_where_uv_reads_them(name: str, text: str, reason: str | None, tmp_path: Path) -> None:
    write(tmp_path / "pyproject.toml", PLAIN)
    write(tmp_path / name, text)
    found = why(tmp_path)
    assert (found is None) if reason is None else (found or "").startswith(reason.format(root=tmp_path))


def test_a_members_own_settings_and_its_workspaces_both_count(tmp_path: Path) -> None:
    write(tmp_path / "pyproject.toml", PLAIN + '[tool.uv.workspace]\nmembers = ["m"]\n')
    write(tmp_path / "m/pyproject.toml", PLAIN.replace("app", "m"))
    assert why(tmp_path, "m") is None
    write(tmp_path / "m/pyproject.toml", PLAIN.replace("app", "m") + '[tool.uv.sources]\nhatchling.path = "../h"\n')
    assert why(tmp_path, "m") == "tool.uv.sources names hatchling"
    assert why(tmp_path) is None


def test_a_tree_without_a_pyproject_is_built_by_setuptools(tmp_path: Path) -> None:
    write(tmp_path / "pyproject.toml", PLAIN)
    write(tmp_path / "old/setup.py")
    assert why(tmp_path, "old") is None


def test_the_users_directory_can_be_named(tmp_path: Path) -> None:
    toml = write(tmp_path / "config/uv/uv.toml")
    assert uv_tomls({"XDG_CONFIG_HOME": str(tmp_path / "config"), "XDG_CONFIG_DIRS": str(tmp_path)}) == (toml,)
