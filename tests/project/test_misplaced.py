"""What is installed from another directory than the one where the workspace has it."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from uvwatch.core.model import Distribution
from uvwatch.project.lock import LockedPackage, SourceKind
from uvwatch.project.misplaced import find_misplaced
from uvwatch.project.workspace import Workspace


def installed(name: str, root: Path) -> Distribution:
    return Distribution(name=name, version="1", root=str(root), editable=False, dist_info=f"{name}-1.dist-info")


def package(name: str, path: Path, source: SourceKind = SourceKind.EDITABLE) -> LockedPackage:
    return LockedPackage(name=name, version="1", source=source, path=path)


def not_asked() -> Mapping[str, LockedPackage]:
    raise AssertionError("uv.lock is read for nothing")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    root = tmp_path / "here"
    (root / "packages" / "red").mkdir(parents=True)
    pyproject = {"project": {"name": "Own"}, "build-system": {}}
    members = (root, root / "packages" / "red")
    return Workspace(root=root, project=root, pyproject=pyproject, root_pyproject=pyproject, members=members)


def test_the_workspaces_own_directories_are_known_without_uv_lock(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(workspace.root)
    found = (
        installed("own", workspace.root),
        installed("red", workspace.root / "packages" / "red"),
        installed("own", tmp_path / "link"),
    )

    assert find_misplaced(found, workspace, not_asked) == ()


def test_the_project_that_was_installed_from_elsewhere_is_named_with_both_places(
    workspace: Workspace, tmp_path: Path
) -> None:
    (found,) = find_misplaced((installed("own", tmp_path / "gone"),), workspace, not_asked)

    assert found.root == workspace.root
    prefix = workspace.root / ".venv"
    assert found.sentence(prefix) == (
        f"own in {prefix} was installed from {tmp_path / 'gone'}, not from {workspace.root}"
    )


def test_of_others_those_count_that_uv_lock_has_inside_of_the_workspace(workspace: Workspace, tmp_path: Path) -> None:
    inside, there = workspace.root / "packages", tmp_path / "there" / "packages"
    lock = {
        "red": package("red", inside / "red"),
        "blue": package("blue", workspace.root / "libs" / "blue", SourceKind.DIRECTORY),
        "virtual": package("virtual", inside / "virtual", SourceKind.VIRTUAL),
        "path": package("path", tmp_path / "path"),
    }
    found = [installed(name, there / name) for name in (*lock, "unknown")]

    assert [each.name for each in find_misplaced(found, workspace, lambda: lock)] == ["red", "blue"]


def test_a_project_that_uv_does_not_install_is_nowhere(workspace: Workspace, tmp_path: Path) -> None:
    virtual = Workspace(
        root=workspace.root,
        project=workspace.project,
        pyproject={"project": {"name": "own"}},
        root_pyproject={},
        members=(),
    )

    assert find_misplaced((installed("own", tmp_path / "gone"),), virtual, dict) == ()
