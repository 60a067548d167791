"""What the files of a tree hold: read once, and once more only where that can matter."""

from pathlib import Path

import pytest

from uvwatch.core.model import Content, Known
from uvwatch.core.rules import Rules
from uvwatch.watching.contents import contents
from uvwatch.watching.scan import scan

RULES = Rules()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "d").mkdir()
    for name in ("a", "b", "d/c"):
        (tmp_path / name).write_text(name)
    return tmp_path


def test_contents_are_known_by_path_with_digest_and_executable_bit(root: Path) -> None:
    (root / "a").chmod(0o755)
    found = contents(str(root), scan(str(root), RULES), {})
    assert {*found.known} == {"a", "b", "d/c"}
    assert found.known["a"].content.executable
    assert not found.known["b"].content.executable
    assert found.known["a"].content.digest.startswith("sha256=")
    assert found.problems == ()


def test_a_file_whose_signature_is_known_is_not_read(root: Path) -> None:
    tree = scan(str(root), RULES)
    pretended = Known(tree.directories[""].files["a"], Content("sha256=pretended", executable=False))
    found = contents(str(root), tree, {"a": pretended})
    assert found.known["a"] is pretended
    assert found.known["b"].content.digest != "sha256=pretended"


def test_files_that_are_gone_are_forgotten_and_those_that_vanish_meanwhile_left_out(root: Path) -> None:
    tree = scan(str(root), RULES)
    known = contents(str(root), tree, {}).known
    (root / "b").unlink()
    (root / "d/c").unlink()
    # Files that were read when they were young are read again, and are found to have vanished.
    assert {*contents(str(root), tree, {}).known} == {"a"}
    assert {*contents(str(root), scan(str(root), RULES), known).known} == {"a"}


def test_a_file_that_cannot_be_read_is_a_problem(root: Path) -> None:
    tree = scan(str(root), RULES)
    (root / "b").unlink()
    (root / "b").mkdir()
    found = contents(str(root), tree, {})
    assert "b" not in found.known
    assert [problem.path for problem in found.problems] == ["b"]


def test_only_what_a_partial_scan_looked_at_is_considered(root: Path) -> None:
    before = scan(str(root), RULES)
    known = contents(str(root), before, {}).known
    (root / "d/c").write_text("changed")
    (root / "d/new").write_text("new")
    (root / "b").unlink()
    after = scan(str(root), RULES, before=before, only={"", "d"})
    found = contents(str(root), after, known, before=before).known
    assert {*found} == {"a", "d/c", "d/new"}
    assert found["d/c"].content != known["d/c"].content
    anew = contents(str(root), after, {}).known
    assert {path: each.content for path, each in found.items()} == {path: each.content for path, each in anew.items()}


def test_a_second_write_within_one_tick_of_the_clock_is_seen_where_an_event_named_the_place(root: Path) -> None:
    before = scan(str(root), RULES)
    known = contents(str(root), before, {}).known
    signature = before.directories["d"].files["c"]
    # As after two writes in one tick: the tree's signature is the same, and the content is not.
    stale = {**known, "d/c": Known(signature._replace(inode=-1), Content("sha256=older", executable=False))}
    carried = contents(str(root), before, stale, before=before).known
    assert carried["d/c"].content.digest == "sha256=older"
    looked = contents(str(root), before, stale, before=before, listed={"d"}).known
    assert looked["d/c"].content == known["d/c"].content


def test_directories_that_went_take_their_files_with_them(root: Path) -> None:
    before = scan(str(root), RULES)
    known = contents(str(root), before, {}).known
    (root / "d").rename(root / "e")
    after = scan(str(root), RULES, before=before, only={""})
    assert {*contents(str(root), after, known, before=before).known} == {"a", "b", "e/c"}
