"""Trees as values: what two scans tell apart, and what concerns other places."""

from hypothesis import given
from hypothesis import strategies as st

from uvwatch.core.model import Signature
from uvwatch.watching.tree import Difference, Directory, Problem, Tree, difference


def signed(number: int) -> Signature:
    return Signature(number, 0, 0, number, 0o100644)


def flat(files: dict[str, int]) -> Tree:
    """A tree of a root and the directory ``d``, from paths and numbers that stand for signatures."""
    root = {path: signed(number) for path, number in files.items() if "/" not in path}
    below = {path[2:]: signed(number) for path, number in files.items() if "/" in path}
    return Tree(directories={"": Directory(files=root, directories=("d",)), "d": Directory(files=below)})


def test_a_difference_names_what_came_what_changed_and_what_went() -> None:
    before = flat({"a": 1, "b": 1, "d/c": 1, "d/e": 1})
    after = flat({"a": 1, "b": 2, "d/e": 1, "d/new": 3})
    assert difference(before, after) == Difference(added=("d/new",), changed=("b",), removed=("d/c",))


def test_a_tree_that_went_is_all_removed_and_one_that_came_all_added() -> None:
    tree = flat({"a": 1, "d/c": 1})
    assert difference(tree, Tree()) == Difference((), (), ("a", "d/c"))
    assert difference(Tree(), tree) == Difference(("a", "d/c"), (), ())


FILES = st.dictionaries(st.sampled_from(["a", "b", "c", "d/a", "d/b"]), st.integers(0, 2))


@given(FILES, FILES)
def test_a_difference_applied_to_the_one_gives_the_other(before: dict[str, int], after: dict[str, int]) -> None:
    found = difference(flat(before), flat(after))
    assert bool(found) == (before != after)
    made = {path: number for path, number in before.items() if path not in found.removed}
    made.update({path: after[path] for path in (*found.added, *found.changed)})
    assert made == after
    assert not {*found.added} & {*found.changed}


def test_problems_of_all_directories_are_told_in_order() -> None:
    one, two = Problem("a", "x"), Problem("d/b", "y")
    tree = Tree(
        directories={"": Directory(directories=("d",), problems=(one,)), "d": Directory(problems=(two,))},
    )
    assert tree.problems == (one, two)


def test_a_tree_without_links_has_nothing_elsewhere() -> None:
    assert flat({"a": 1, "d/c": 1}).elsewhere() == {}


def test_links_name_the_directories_whose_events_concern_other_places() -> None:
    tree = Tree(
        directories={
            "": Directory(files={"LICENSE": signed(1)}, directories=("pkg",), links={"LICENSE": "/repo/LICENSE"}),
            "pkg": Directory(directories=("shared",), links={"shared": "/repo/shared"}),
            "pkg/shared": Directory(files={"a": signed(2)}, directories=("deep",)),
            "pkg/shared/deep": Directory(),
        }
    )
    assert tree.elsewhere() == {
        "/repo": frozenset({""}),
        "/repo/shared": frozenset({"pkg/shared"}),
        "/repo/shared/deep": frozenset({"pkg/shared/deep"}),
    }
