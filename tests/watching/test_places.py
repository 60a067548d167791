"""From the paths of events to the directories that have to be scanned again."""

from pathlib import Path

import pytest

from uvwatch.core.rules import Rules
from uvwatch.watching.places import Places, concerning, places
from uvwatch.watching.scan import scan
from uvwatch.watching.tree import Tree


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    (root / "pkg" / "deep").mkdir(parents=True)
    (root / ".git" / "refs").mkdir(parents=True)
    (root / "pkg" / "a.py").write_text("")
    return root


@pytest.mark.parametrize(
    ("path", "only", "whole"),
    [
        ("pkg/a.py", {"pkg"}, set()),
        ("new.py", {""}, set()),
        ("pkg/deep", {"pkg"}, {"pkg/deep"}),
        ("pkg", {""}, {"pkg"}),
        ("pkg/new/x.py", {"pkg/new"}, set()),
        (".git/index", set(), set()),
        (".git/refs/heads", set(), set()),
        (".git", {""}, set()),
        (".", set(), {""}),
        ("..", set(), {""}),
        ("../other/x.py", set(), set()),
        ("../root2", set(), set()),
    ],
)
def test_a_path_names_its_directory_and_a_known_directory_itself(
    root: Path, path: str, only: set[str], whole: set[str]
) -> None:
    tree = scan(str(root), Rules())
    absolute = str((root / path).resolve())
    assert places(str(root), tree, [absolute]) == Places(frozenset(only), frozenset(whole))


def test_nothing_is_nowhere(root: Path) -> None:
    assert not places(str(root), scan(str(root), Rules()), [])
    assert not places(str(root), scan(str(root), Rules()), [str(root / ".git" / "index.lock")])


def test_a_root_that_was_missing_is_scanned_when_it_is_named_or_something_in_it(root: Path) -> None:
    assert places(str(root), Tree(), [str(root)]).whole == {""}
    assert places(str(root), Tree(), [str(root / "pkg")]).only == {""}


def test_the_target_of_a_link_concerns_the_place_of_the_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "LICENSE").write_text("")
    (root / "LICENSE").symlink_to("../LICENSE")
    tree = scan(str(root), Rules())
    assert places(str(root), tree, [str(tmp_path / "LICENSE")]).only == {""}


def test_a_directory_that_is_reached_by_two_paths_is_scanned_under_both(root: Path) -> None:
    (root / "pkg" / "deep" / "x.css").write_text("")
    (root / "alias").symlink_to("pkg/deep")
    tree = scan(str(root), Rules())
    by_name = places(str(root), tree, [str(root / "pkg" / "deep" / "x.css")])
    by_link = places(str(root), tree, [str(root / "alias" / "x.css")])
    assert by_name.only == by_link.only == {"pkg/deep", "alias"}


def test_of_many_paths_those_concern_a_tree_that_lead_to_a_place_in_it(root: Path) -> None:
    tree = scan(str(root), Rules())
    inside = {str(root), str(root.parent), str(root / "pkg" / "new.py"), str(root / "pkg" / "deep")}
    outside = {str(root / ".git" / "index"), str(root.parent / "other"), str(root) + "2"}

    assert concerning(str(root), tree, inside | outside) == inside
