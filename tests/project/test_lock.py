from pathlib import Path

import pytest

from uvwatch.errors import Fatal
from uvwatch.project.lock import LockedPackage, NoLock, SourceKind, locked
from uvwatch.project.pyproject import BrokenPyproject

LOCK = """\
version = 1
revision = 3
requires-python = ">=3.9"

[[package]]
name = "root"
version = "1.0"
source = { editable = "." }

[[package]]
name = "Up_One"
source = { directory = "../up" }

[[package]]
name = "virtual"
version = "0"
source = { virtual = "v" }

[[package]]
name = "file"
version = "2"
source = { path = "dist/file-2-py3-none-any.whl" }

[[package]]
name = "remote"
version = "3"
source = { registry = "https://example.org/simple" }

[[package]]
name = "checkout"
version = "4"
source = { git = "https://example.org/x?rev=1#1" }

[[package]]
name = "odd"
version = "5"
source = { moon = "x" }
"""


def test_each_package_has_its_source_and_local_ones_their_path(tmp_path: Path) -> None:
    root = tmp_path / "r"
    root.mkdir()
    (root / "uv.lock").write_text(LOCK, encoding="utf-8")

    packages = locked(root)

    assert {name: (each.source, each.path, each.version) for name, each in packages.items()} == {
        "root": (SourceKind.EDITABLE, root, "1.0"),
        "up-one": (SourceKind.DIRECTORY, tmp_path / "up", None),
        "virtual": (SourceKind.VIRTUAL, root / "v", "0"),
        "file": (SourceKind.PATH, root / "dist/file-2-py3-none-any.whl", "2"),
        "remote": (SourceKind.REGISTRY, None, "3"),
        "checkout": (SourceKind.GIT, None, "4"),
    }
    assert {name for name, each in packages.items() if each.is_local} == {"root", "up-one", "virtual"}


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_packages_with_one_name_the_local_one_counts(tmp_path: Path, order: tuple[int, int]) -> None:
    entries = ['source = { registry = "https://example.org" }', 'source = { editable = "x" }']
    text = "".join(f'[[package]]\nname = "x"\nversion = "{index}"\n{entries[index]}\n' for index in order)
    (tmp_path / "uv.lock").write_text(text, encoding="utf-8")

    expected = LockedPackage(name="x", version="1", source=SourceKind.EDITABLE, path=tmp_path / "x")
    assert locked(tmp_path) == {"x": expected}


def test_a_lock_without_packages_is_empty(tmp_path: Path) -> None:
    (tmp_path / "uv.lock").write_text("version = 1\n", encoding="utf-8")

    assert locked(tmp_path) == {}


def test_no_lock_is_its_own_error_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(NoLock, match=r"^no uv\.lock in .*: run `uv lock` first$") as caught:
        locked(tmp_path)

    assert caught.value.exit_code == 2


def test_a_broken_lock_is_named_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "uv.lock").write_text("version = 1\n<<<<<<< ours\n", encoding="utf-8")

    with pytest.raises(BrokenPyproject) as caught:
        locked(tmp_path)

    assert (caught.value.path, caught.value.line) == (tmp_path / "uv.lock", 2)


@pytest.mark.parametrize("text", ["package = 1\n", "package = [1]\n"])
def test_what_is_no_list_of_packages_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "uv.lock").write_text(text, encoding="utf-8")

    with pytest.raises(Fatal, match="is not a lock file"):
        locked(tmp_path)
