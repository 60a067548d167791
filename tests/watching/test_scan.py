"""Scans of real trees: in full, in part, and of what a tree should not hold."""

import os
import random
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from uvwatch.core.rules import Artifact, Rules
from uvwatch.project.files import signature
from uvwatch.watching.scan import scan
from uvwatch.watching.tree import Tree, difference

RULES = Rules(packages=frozenset({"pkg"}))


def make(root: Path, *paths: str) -> None:
    for path in paths:
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(path)


def names(tree: Tree) -> set[str]:
    return {path for path, _ in tree.files()}


def whats(tree: Tree) -> dict[str, str]:
    return {problem.path: problem.what for problem in tree.problems}


def test_a_scan_finds_every_file_that_can_matter_with_its_signature(tmp_path: Path) -> None:
    make(tmp_path, "pyproject.toml", "pkg/a.py", "pkg/static/css/a.css", ".git/HEAD", "pkg/__pycache__/a.pyc")
    tree = scan(str(tmp_path), RULES)
    assert names(tree) == {"pyproject.toml", "pkg/a.py", "pkg/static/css/a.css"}
    assert dict(tree.files())["pkg/a.py"] == signature((tmp_path / "pkg/a.py").stat())
    assert {*tree.directories} == {"", "pkg", "pkg/static", "pkg/static/css"}
    assert tree.directories[""].directories == ("pkg",)
    assert tree.directories[""].excluded == {".git": ".git is version control's own"}
    assert {*tree.directories["pkg"].excluded} == {"__pycache__"}
    assert tree.problems == ()


def test_a_root_that_is_not_there_is_an_empty_tree(tmp_path: Path) -> None:
    assert scan(str(tmp_path / "missing"), RULES) == Tree()


def test_a_file_in_place_of_the_root_is_an_empty_tree(tmp_path: Path) -> None:
    make(tmp_path, "root")
    assert scan(str(tmp_path / "root"), RULES) == Tree()


def test_git_is_asked_only_where_no_rule_has_decided(tmp_path: Path) -> None:
    make(tmp_path, ".git/HEAD", "pkg/a.log", "a.log", "docs/a.log", "docs/b.txt", "out/x", "static/x", "gen/a.mo")
    (tmp_path / ".gitignore").write_text("*.log\nout/\nstatic/\ngen/\n")
    rules = Rules(packages=frozenset({"pkg"}), artifacts=(Artifact(pattern="static/", key="k"),))
    tree = scan(str(tmp_path), rules)
    assert names(tree) == {".gitignore", "pkg/a.log", "docs/b.txt", "static/x"}
    assert tree.directories[""].excluded["out"] == "git ignores it"


def test_an_environment_is_known_by_its_pyvenv_cfg_under_any_name(tmp_path: Path) -> None:
    make(tmp_path, "pkg/env/pyvenv.cfg", "pkg/env/lib/a.py", "pkg/a.py", "venv/b.py")
    tree = scan(str(tmp_path), RULES)
    assert names(tree) == {"pkg/a.py", "venv/b.py"}
    assert "pyvenv.cfg" in tree.directories["pkg"].excluded["env"]
    assert tree.problems == ()


def test_the_root_itself_may_be_an_environment(tmp_path: Path) -> None:
    make(tmp_path, "pyvenv.cfg", "pkg/a.py")
    assert names(scan(str(tmp_path), RULES)) == {"pyvenv.cfg", "pkg/a.py"}


def test_a_directory_that_becomes_an_environment_is_dropped_by_a_partial_scan(tmp_path: Path) -> None:
    make(tmp_path, "env/lib/a.py", "b.py")
    before = scan(str(tmp_path), RULES)
    make(tmp_path, "env/pyvenv.cfg")
    after = scan(str(tmp_path), RULES, before=before, only={"env"})
    assert names(after) == {"b.py"}
    assert after == scan(str(tmp_path), RULES)


def test_a_link_to_a_file_has_the_signature_of_its_target(tmp_path: Path) -> None:
    make(tmp_path, "LICENSE", "root/pkg/a.py")
    root = tmp_path / "root"
    (root / "LICENSE").symlink_to("../LICENSE")
    before = scan(str(root), RULES)
    assert before.directories[""].files["LICENSE"] == signature((tmp_path / "LICENSE").stat())
    assert before.elsewhere() == {os.path.realpath(tmp_path): frozenset({""})}
    (tmp_path / "LICENSE").write_text("another text")
    after = scan(str(root), RULES, before=before, only={""})
    assert difference(before, after).changed == ("LICENSE",)


def test_a_link_to_nothing_is_a_problem_until_it_leads_somewhere(tmp_path: Path) -> None:
    make(tmp_path, "pkg/a.py")
    (tmp_path / "pkg" / "link").symlink_to("missing")
    (tmp_path / "pkg" / "round").symlink_to("round")
    (tmp_path / "pkg" / ".#a.py").symlink_to("someone@host.1:1")
    before = scan(str(tmp_path), RULES)
    assert {*whats(before)} == {"pkg/link", "pkg/round"}
    make(tmp_path, "pkg/missing")
    (tmp_path / "pkg" / "round").unlink()
    after = scan(str(tmp_path), RULES, before=before, only={"pkg"})
    assert after.problems == ()
    assert difference(before, after).changed == ("pkg/link",)


def test_a_link_to_a_directory_is_descended(tmp_path: Path) -> None:
    make(tmp_path, "shared/deep/a.css", "root/pkg/a.py")
    root = tmp_path / "root"
    (root / "pkg" / "shared").symlink_to(tmp_path / "shared")
    tree = scan(str(root), RULES)
    assert names(tree) == {"pkg/a.py", "pkg/shared/deep/a.css"}
    shared = os.path.realpath(tmp_path / "shared")
    assert tree.elsewhere() == {
        shared: frozenset({"pkg/shared"}),
        f"{shared}/deep": frozenset({"pkg/shared/deep"}),
    }


@pytest.mark.parametrize("target", [".", "..", "../..", "/"])
def test_a_link_that_leads_back_ends_the_descent_and_is_no_problem(tmp_path: Path, target: str) -> None:
    make(tmp_path, "pkg/deep/a.py")
    (tmp_path / "pkg" / "deep" / "loop").symlink_to(target)
    tree = scan(str(tmp_path), RULES)
    assert names(tree) == {"pkg/deep/a.py"}
    assert tree.problems == ()
    assert "leads back" in tree.directories["pkg/deep"].excluded["loop"]


def test_links_that_lead_to_each_other_end_the_descent(tmp_path: Path) -> None:
    make(tmp_path, "pkg/a/x.py", "pkg/b/y.py")
    (tmp_path / "pkg/a/to_b").symlink_to("../b")
    (tmp_path / "pkg/b/to_a").symlink_to("../a")
    assert names(scan(str(tmp_path), RULES)) >= {"pkg/a/x.py", "pkg/b/y.py", "pkg/a/to_b/y.py", "pkg/b/to_a/x.py"}


def test_what_is_no_file_is_a_problem_and_is_not_opened(tmp_path: Path) -> None:
    make(tmp_path, "pkg/a.py")
    os.mkfifo(tmp_path / "pkg" / "fifo")
    (tmp_path / "pkg" / "link").symlink_to("fifo")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "pkg" / "s"))
        tree = scan(str(tmp_path), RULES)
    assert names(tree) == {"pkg/a.py"}
    assert whats(tree) == {
        "pkg/fifo": "a FIFO: whoever opens it waits",
        "pkg/link": "a FIFO: whoever opens it waits",
        "pkg/s": "a socket, not a file",
    }


def test_names_that_no_wheel_may_hold_are_problems_and_their_files_are_known(tmp_path: Path) -> None:
    make(tmp_path, "pkg/a.py", "pkg/two\nlines")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/pkg/caf\xe9.css")).write_text("x")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/pkg/d\xe9")).mkdir()
    tree = scan(str(tmp_path), RULES)
    assert names(tree) == {"pkg/a.py", "pkg/two\nlines", "pkg/caf\udce9.css"}
    assert {*whats(tree)} == {"pkg/two\nlines", "pkg/caf\udce9.css", "pkg/d\udce9"}
    assert {*tree.directories["pkg"].excluded} == {"d\udce9"}


def test_names_that_are_only_unusual_are_no_problem(tmp_path: Path) -> None:
    make(tmp_path, "pkg/café ☕.css", "pkg/ space ", "pkg/$(x)'\"")
    assert scan(str(tmp_path), RULES).problems == ()


def test_a_directory_that_has_no_listing_is_a_problem(tmp_path: Path) -> None:
    # Whoever may read everything still cannot list a directory whose path is too long for the system.
    make(tmp_path, "pkg/a.py")
    inner = os.open(tmp_path / "pkg", os.O_RDONLY)
    name = "n" * 200
    try:
        for _ in range(25):
            os.mkdir(name, dir_fd=inner)
            deeper = os.open(name, os.O_RDONLY, dir_fd=inner)
            os.close(inner)
            inner = deeper
        tree = scan(str(tmp_path), RULES)
    finally:
        os.close(inner)
    assert [what for what in whats(tree).values() if "too long" in what]
    assert "pkg/a.py" in names(tree)


def test_a_partial_scan_takes_over_what_it_does_not_look_at(tmp_path: Path) -> None:
    make(tmp_path, "pkg/a/x.py", "pkg/b/y.py")
    before = scan(str(tmp_path), RULES)
    make(tmp_path, "pkg/a/new.py", "pkg/b/unseen.py")
    after = scan(str(tmp_path), RULES, before=before, only={"pkg/a"})
    assert difference(before, after).added == ("pkg/a/new.py",)
    assert after.directories["pkg/b"] is before.directories["pkg/b"]


def test_a_directory_in_which_nothing_changed_stays_the_same_object(tmp_path: Path) -> None:
    make(tmp_path, "pkg/a/x.py")
    before = scan(str(tmp_path), RULES)
    after = scan(str(tmp_path), RULES, before=before)
    assert all(after.directories[path] is found for path, found in before.directories.items())


def test_new_directories_are_walked_and_vanished_ones_dropped(tmp_path: Path) -> None:
    make(tmp_path, "pkg/old/deep/x.py", "pkg/a.py")
    before = scan(str(tmp_path), RULES)
    (tmp_path / "pkg/old").rename(tmp_path / "moved")
    make(tmp_path, "pkg/new/deep/er/y.py")
    after = scan(str(tmp_path), RULES, before=before, only={"pkg"})
    assert names(after) == {"pkg/a.py", "pkg/new/deep/er/y.py"}
    assert "pkg/old/deep" not in after.directories


def test_a_directory_named_though_it_vanished_is_dropped_with_all_below(tmp_path: Path) -> None:
    make(tmp_path, "pkg/old/deep/x.py", "pkg/a.py")
    before = scan(str(tmp_path), RULES)
    (tmp_path / "pkg/old").rename(tmp_path / "moved")
    after = scan(str(tmp_path), RULES, before=before, only={"pkg/old/deep"})
    assert names(after) == {"pkg/old/deep/x.py", "pkg/a.py"} - {"pkg/old/deep/x.py"}


def test_a_directory_that_another_took_the_place_of_is_walked(tmp_path: Path) -> None:
    make(tmp_path, "pkg/d/deep/x.py", "other/deep/y.py")
    before = scan(str(tmp_path), RULES)
    (tmp_path / "pkg/d").rename(tmp_path / "gone")
    (tmp_path / "other").rename(tmp_path / "pkg/d")
    after = scan(str(tmp_path), RULES, before=before, only={"pkg"})
    assert {path for path in names(after) if path.startswith("pkg")} == {"pkg/d/deep/y.py"}


def test_a_directory_to_be_walked_whole_tells_what_no_event_told(tmp_path: Path) -> None:
    make(tmp_path, "pkg/d/deep/x.py")
    before = scan(str(tmp_path), RULES)
    make(tmp_path, "pkg/d/deep/new.py")
    assert not difference(before, scan(str(tmp_path), RULES, before=before, only={"pkg"}))
    after = scan(str(tmp_path), RULES, before=before, only={"pkg"}, whole={"pkg/d"})
    assert difference(before, after).added == ("pkg/d/deep/new.py",)


def test_a_path_that_is_not_known_stands_for_its_nearest_known_ancestor(tmp_path: Path) -> None:
    make(tmp_path, "pkg/a.py")
    before = scan(str(tmp_path), RULES)
    make(tmp_path, "pkg/new/deep/x.py")
    after = scan(str(tmp_path), RULES, before=before, only={"pkg/new/deep"})
    assert difference(before, after).added == ("pkg/new/deep/x.py",)


def test_a_changed_gitignore_is_obeyed_by_a_partial_scan(tmp_path: Path) -> None:
    make(tmp_path, ".git/HEAD", "docs/a.log", "docs/deep/b.log", "docs/deep/b.txt")
    before = scan(str(tmp_path), Rules())
    (tmp_path / ".gitignore").write_text("*.log\n")
    after = scan(str(tmp_path), Rules(), before=before, only={""})
    assert names(after) == {".gitignore", "docs/deep/b.txt"}


def test_a_root_that_comes_back_is_scanned_in_full(tmp_path: Path) -> None:
    root = tmp_path / "root"
    make(root, "pkg/a.py")
    gone = scan(str(tmp_path / "missing"), RULES)
    assert names(scan(str(root), RULES, before=gone, only={""})) == {"pkg/a.py"}


def write(root: Path, draw: random.Random) -> str:
    path = "/".join(draw.choice("abcd") for _ in range(draw.randint(0, 3)))
    target = root / path / f"f{draw.randint(0, 3)}"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(str(draw.random()))
    except OSError:  # a file stands where a directory would
        return ""
    return path


def move(root: Path, draw: random.Random) -> str:
    found = sorted(path for path in root.rglob("*") if path.is_dir())
    if not found:
        return ""
    chosen = draw.choice(found)
    chosen.rename(root.parent / f"gone-{draw.random()}")
    return os.fspath(chosen.parent.relative_to(root)).removeprefix(".")


def delete(root: Path, draw: random.Random) -> str:
    found = sorted(path for path in root.rglob("*") if path.is_file())
    if not found:
        return ""
    chosen = draw.choice(found)
    chosen.unlink()
    return os.fspath(chosen.parent.relative_to(root)).removeprefix(".")


@pytest.mark.parametrize("seed", range(40))
def test_after_any_edits_a_partial_scan_of_their_directories_equals_a_full_one(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)  # noqa: S311 - edits, not secrets
    root = tmp_path / "root"
    make(root, "a/f0", "a/b/f1", "c/f2")
    edits: list[Callable[[Path, random.Random], str]] = [write, write, move, delete]
    rules = Rules(packages=frozenset({"a"}))
    tree = scan(str(root), rules)
    for _ in range(10):
        before = tree
        touched = {draw.choice(edits)(root, draw) for _ in range(draw.randint(1, 4))}
        tree = scan(str(root), rules, before=before, only=touched)
        assert tree == scan(str(root), rules)
        assert tree == scan(str(root), rules, before=before)
