import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from uv import find_uv_bin

from uvwatch.errors import Fatal
from uvwatch.project.pyproject import BrokenPyproject
from uvwatch.project.workspace import find

PROJECT = '[project]\nname = "{name}"\nversion = "1"\nrequires-python = ">=3.9"\n'


def plant(top: Path, files: Mapping[str, str]) -> None:
    """Write pyproject.toml files: directory → what follows the [project] table; a leading ``!`` leaves that out."""
    for directory, text in files.items():
        place = top / directory
        place.mkdir(parents=True, exist_ok=True)
        name = "n" + "".join(each if each.isalnum() else "-" for each in directory) + "x"
        body = text[1:] if text.startswith("!") else PROJECT.format(name=name) + text
        (place / "pyproject.toml").write_text(body, encoding="utf-8")


def uv(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("UV_", "VIRTUAL_ENV"))}
    return subprocess.run(
        [find_uv_bin(), *arguments], cwd=directory, env=environ, capture_output=True, text=True, check=False
    )


def uvs_workspace(directory: Path) -> tuple[Path, tuple[Path, ...]]:
    root = uv(directory, "workspace", "dir")
    members = uv(directory, "workspace", "list", "--paths")
    assert root.returncode == members.returncode == 0, root.stderr + members.stderr
    paths = (Path(os.path.normpath(line)) for line in members.stdout.splitlines())
    return Path(root.stdout.strip()), tuple(sorted(paths))


TREES: Mapping[str, tuple[Mapping[str, str], tuple[str, ...]]] = {
    "a single project, also from below": ({"p": ""}, ("p", "p/src/deep")),
    "globs, excluded, hidden and unnamed directories": (
        {
            "r": '[tool.uv.workspace]\nmembers = ["pkgs/*", "tools/[ab]"]\nexclude = ["pkgs/skip*"]\n',
            "r/pkgs/a": "",
            "r/pkgs/skipped": "",
            "r/pkgs/.hidden": "",
            "r/pkgs/a/inner": "",
            "r/tools/b": "",
            "r/tools/c": "",
            "r/other": "",
        },
        ("r", "r/pkgs/a", "r/pkgs/a/src", "r/pkgs/skipped", "r/pkgs/.hidden", "r/pkgs/a/inner", "r/tools/c", "r/other"),
    ),
    "two stars do not name their own directory": (
        {"r": '[tool.uv.workspace]\nmembers = ["deep/**"]\n', "r/deep": "", "r/deep/x": "", "r/deep/x/y": ""},
        ("r", "r/deep", "r/deep/x", "r/deep/x/y"),
    ),
    "a root that is no project": ({"r": '![tool.uv.workspace]\nmembers = ["m"]\n', "r/m": ""}, ("r", "r/m")),
    "only the nearest pyproject.toml above is asked": (
        {"r": '[tool.uv.workspace]\nmembers = ["mid/leaf"]\n', "r/mid": "", "r/mid/leaf": ""},
        ("r", "r/mid", "r/mid/leaf"),
    ),
    "also one without a project": (
        {"r": '[tool.uv.workspace]\nmembers = ["mid/*"]\n', "r/mid": "![tool.x]\n", "r/mid/leaf": ""},
        ("r/mid/leaf",),
    ),
    "a member outside the root is its own workspace": (
        {"r": '[tool.uv.workspace]\nmembers = ["../s"]\n', "s": ""},
        ("r", "s"),
    ),
    "dots and slashes in globs": (
        {"r": '[tool.uv.workspace]\nmembers = [".", "./m/", ""]\nexclude = ["x/"]\n', "r/m": "", "r/x": ""},
        ("r", "r/m", "r/x"),
    ),
    "an excluded directory": (
        {"r": '[tool.uv.workspace]\nmembers = ["*"]\nexclude = ["x/"]\n', "r/x": "", "r/y": ""},
        ("r", "r/x", "r/y"),
    ),
    "a member that uv does not manage": (
        {"r": '[tool.uv.workspace]\nmembers = ["*"]\n', "r/x": "[tool.uv]\nmanaged = false\n", "r/y": ""},
        ("r", "r/y"),
    ),
    "an empty workspace table": ({"r": "[tool.uv.workspace]\n", "r/x": ""}, ("r", "r/x")),
    "a workspace inside a workspace is its own": (
        {"r": '[tool.uv.workspace]\nmembers = ["x"]\n', "r/x": "[tool.uv.workspace]\n"},
        ("r/x",),
    ),
    "a path dependency is no member": (
        {"r": 'dependencies = ["nr-mx"]\n[tool.uv.sources]\nnr-mx = { path = "m" }\n', "r/m": ""},
        ("r", "r/m"),
    ),
}


@pytest.mark.parametrize("tree", TREES)
def test_root_and_members_are_those_that_uv_finds(tmp_path: Path, tree: str) -> None:
    files, starts = TREES[tree]
    plant(tmp_path, files)
    for start in starts:
        (tmp_path / start).mkdir(parents=True, exist_ok=True)

        workspace = find(tmp_path / start)

        assert (workspace.root, workspace.members) == uvs_workspace(tmp_path / start), start


def test_an_absolute_glob_names_a_member_as_for_uv(tmp_path: Path) -> None:
    plant(tmp_path, {"r": f'[tool.uv.workspace]\nmembers = ["{tmp_path}/r/m"]\n', "r/m": ""})

    workspace = find(tmp_path / "r/m")

    assert (workspace.root, workspace.members) == uvs_workspace(tmp_path / "r/m")


def test_the_project_is_the_nearest_one_and_both_files_are_there(tmp_path: Path) -> None:
    plant(tmp_path, {"r": '[tool.uv.workspace]\nmembers = ["m"]\n', "r/m": ""})
    (tmp_path / "r/m/src").mkdir()

    workspace = find(tmp_path / "r/m/src")

    assert (workspace.project, workspace.root) == (tmp_path / "r/m", tmp_path / "r")
    assert workspace.pyproject["project"]["name"] == "nr-mx"
    assert workspace.root_pyproject["project"]["name"] == "nrx"


def test_a_relative_start_and_dots_are_made_absolute(tmp_path: Path) -> None:
    plant(tmp_path, {"p": ""})
    (tmp_path / "p/src").mkdir()

    assert find(Path(os.path.relpath(tmp_path / "p"))).root == tmp_path / "p"
    assert find(tmp_path / "p/src/../../p").root == tmp_path / "p"


def test_a_symbolic_link_to_the_project_is_kept(tmp_path: Path) -> None:
    plant(tmp_path, {"p": ""})
    (tmp_path / "link").symlink_to("p")

    assert find(tmp_path / "link").root == tmp_path / "link"


def test_a_root_with_wildcards_in_its_name_has_members(tmp_path: Path) -> None:
    plant(tmp_path, {"[r]": '[tool.uv.workspace]\nmembers = ["*"]\n', "[r]/m": ""})

    assert find(tmp_path / "[r]/m").members == (tmp_path / "[r]", tmp_path / "[r]/m")


def test_a_matched_directory_that_is_no_project_is_no_member(tmp_path: Path) -> None:
    plant(tmp_path, {"r": '[tool.uv.workspace]\nmembers = ["*"]\n', "r/m": "", "r/n": "![tool.x]\n"})
    (tmp_path / "r/empty").mkdir()
    (tmp_path / "r/README").touch()

    assert find(tmp_path / "r").members == (tmp_path / "r", tmp_path / "r/m")


def missing(top: Path) -> Path:
    return top / "none"


def a_file(top: Path) -> Path:
    (top / "file").touch()
    return top / "file"


def unmanaged(top: Path) -> Path:
    plant(top, {"u": "[tool.uv]\nmanaged = false\n"})
    return top / "u"


def no_project(top: Path) -> Path:
    plant(top, {"n": "![tool.x]\n"})
    return top / "n"


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (missing, r"none: no such directory$"),
        (a_file, r"file: not a directory$"),
        (unmanaged, r"pyproject\.toml: tool\.uv\.managed is false"),
        (no_project, r"pyproject\.toml: has neither a \[project\] table nor \[tool\.uv\.workspace\]$"),
    ],
)
def test_no_workspace_is_one_clear_sentence(tmp_path: Path, make: Callable[[Path], Path], sentence: str) -> None:
    with pytest.raises(Fatal, match=sentence):
        find(make(tmp_path))


def test_no_pyproject_anywhere_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(Fatal, match=r"^no pyproject\.toml in .* or above it$"):
        find(tmp_path)


@pytest.mark.parametrize("broken", ["r", "r/m"])
def test_a_broken_file_on_the_way_is_named(tmp_path: Path, broken: str) -> None:
    plant(tmp_path, {"r": '[tool.uv.workspace]\nmembers = ["*"]\n', "r/m": ""})
    plant(tmp_path, {broken: "x = = 1\n"})

    with pytest.raises(BrokenPyproject) as caught:
        find(tmp_path / "r/m")

    assert caught.value.path == tmp_path / broken / "pyproject.toml"
