"""Which directories to arm: all that are looked at, none that are not, nothing twice."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uvwatch.core.watchplan import WatchPlan, combined, is_below, plan, renew


@dataclass(frozen=True)
class Listed:
    directories: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()


TREE = {
    "": Listed(("myapp", "tests"), (".git",)),
    "myapp": Listed(("static", "templates")),
    "myapp/static": Listed(("css",)),
    "myapp/static/css": Listed(),
    "myapp/templates": Listed(),
    "tests": Listed(("data",), ("__pycache__",)),
    "tests/data": Listed(),
}


def test_a_subtree_without_an_excluded_directory_is_one_recursive_watch() -> None:
    assert plan(TREE) == WatchPlan(recursive=("myapp", "tests/data"), single=("", "tests"))


def test_a_tree_that_is_looked_at_in_full_is_one_watch() -> None:
    assert plan({"": Listed(("a",)), "a": Listed()}) == WatchPlan(recursive=("",))


def test_a_tree_that_does_not_exist_asks_for_none() -> None:
    assert plan({}) == WatchPlan()


def test_a_plan_is_made_absolute_below_its_root() -> None:
    assert plan(TREE).under("/p") == WatchPlan(recursive=("/p/myapp", "/p/tests/data"), single=("/p", "/p/tests"))


def test_siblings_whose_names_begin_alike_are_not_taken_for_parent_and_child() -> None:
    made = plan({"": Listed(("a", "a-b", "ab"), ("x",)), "a": Listed(), "a-b": Listed(), "ab": Listed()})
    assert made == WatchPlan(recursive=("a", "a-b", "ab"), single=("",))


def test_several_plans_become_one_in_which_nothing_is_watched_twice() -> None:
    one = WatchPlan(recursive=("/p/a", "/p/ab"), single=("/p", "/p/a/x"))
    two = WatchPlan(recursive=("/p/a/deep", "/p/a"), single=("/p", "/q"))
    assert combined([one, two]) == WatchPlan(recursive=("/p/a", "/p/ab"), single=("/p", "/q"))


def test_the_root_of_the_file_system_covers_everything() -> None:
    assert combined([WatchPlan(recursive=("/",)), WatchPlan(recursive=("/a",), single=("/b",))]) == WatchPlan(
        recursive=("/",)
    )


@pytest.mark.parametrize(
    ("armed", "wanted", "add", "drop"),
    [
        (WatchPlan(), WatchPlan(single=("/p",)), WatchPlan(single=("/p",)), WatchPlan()),
        (WatchPlan(single=("/p",)), WatchPlan(single=("/p",)), WatchPlan(), WatchPlan()),
        (
            WatchPlan(single=("/p",)),
            WatchPlan(single=("/p", "/p/new")),
            WatchPlan(single=("/p/new",)),
            WatchPlan(),
        ),
        (WatchPlan(recursive=("/p",)), WatchPlan(single=("/p/a",), recursive=("/p",)), WatchPlan(), WatchPlan()),
        (
            WatchPlan(recursive=("/p",)),
            WatchPlan(single=("/p",), recursive=("/p/a",)),
            WatchPlan(single=("/p",), recursive=("/p/a",)),
            WatchPlan(recursive=("/p",)),
        ),
        (
            WatchPlan(single=("/p", "/p/a")),
            WatchPlan(recursive=("/p",)),
            WatchPlan(recursive=("/p",)),
            WatchPlan(single=("/p", "/p/a")),
        ),
    ],
)
def test_what_stays_is_not_armed_again(armed: WatchPlan, wanted: WatchPlan, add: WatchPlan, drop: WatchPlan) -> None:
    renewal = renew(armed, wanted)
    assert (renewal.add, renewal.drop) == (add, drop)


@pytest.mark.parametrize(
    ("path", "top", "expected"),
    [
        ("/a", "/a", True),
        ("/a/b", "/a", True),
        ("/ab", "/a", False),
        ("/a", "/a/b", False),
        ("/a", "/", True),
        ("a", "", True),
        ("", "", True),
        ("", "a", False),
    ],
)
def test_below_is_decided_by_parts(path: str, top: str, *, expected: bool) -> None:
    assert is_below(path, top) is expected


@st.composite
def trees(draw: st.DrawFn) -> dict[str, Listed]:
    """Random trees of directories, some of whose children are excluded."""
    found: dict[str, Listed] = {}
    pending = [""]
    while pending and len(found) < 15:
        path = pending.pop()
        children = draw(st.sets(st.sampled_from("abc"), max_size=2)) if path.count("/") < 3 else set()
        excluded = draw(st.sets(st.sampled_from("xy"), max_size=1))
        found[path] = Listed(tuple(sorted(children)), tuple(excluded))
        pending.extend(f"{path}/{name}" if path else name for name in children)
    return found


def watched(made: WatchPlan, path: str) -> bool:
    return path in made.single or any(is_below(path, top) for top in made.recursive)


@given(trees())
def test_every_directory_that_is_looked_at_is_watched_once_and_no_excluded_one(tree: dict[str, Listed]) -> None:
    made = plan(tree)
    for path, listed in tree.items():
        assert watched(made, path)
        assert sum([path in made.single, *(is_below(path, top) for top in made.recursive)]) == 1
        for name in listed.excluded:
            assert not watched(made, f"{path}/{name}" if path else name)


@given(trees(), trees())
def test_whatever_was_armed_all_that_is_wanted_is_watched_by_what_stays_and_what_is_added(
    before: dict[str, Listed], after: dict[str, Listed]
) -> None:
    wanted = plan(after)
    renewal = renew(plan(before), wanted)
    together = combined([renewal.keep, renewal.add])
    for path in after:
        assert watched(together, path)
    assert not {*renewal.add.single} & {*renewal.keep.single}
    assert not {*renewal.add.recursive} & {*renewal.keep.recursive}
