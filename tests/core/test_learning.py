import pytest

from uvwatch.core.learning import taught
from uvwatch.core.model import Content
from uvwatch.core.plan import Standing, judge


def contents(**texts: str) -> dict[str, Content]:
    return {f"src/pkg/{name}.css": Content(text, executable=False) for name, text in texts.items()}


def built(**texts: str) -> dict[str, Content]:
    return {f"pkg/{name}.css": Content(text, executable=False) for name, text in texts.items()}


BEFORE = contents(a="a", b="b", c="c")


def standing(wheel: dict[str, Content], then: dict[str, Content], later: dict[str, Content]) -> Standing:
    """How the copy that was just installed stands ``later``, after a build during which the tree became ``then``."""
    moved = {path for path in BEFORE.keys() | then.keys() if BEFORE.get(path) != then.get(path)}
    learned = taught(wheel, BEFORE, then, moved=frozenset({*moved, "src/pkg/c.css"}))
    return judge(learned, later, wheel).standing


def test_a_tree_that_was_only_touched_is_known() -> None:
    assert standing(built(a="a", b="b", c="c"), BEFORE, BEFORE) is Standing.FRESH


def test_a_new_file_that_the_build_took_up_is_known_and_its_going_is_noticed() -> None:
    then = BEFORE | contents(new="n")
    wheel = built(a="a", b="b", c="c", new="n")

    assert standing(wheel, then, then) is Standing.FRESH
    assert standing(wheel, then, BEFORE) is Standing.STALE


@pytest.mark.parametrize("later", [BEFORE, BEFORE | contents(new="n")])
def test_a_new_file_that_the_wheel_has_not_is_a_question_whether_it_is_there_or_gone(later: dict[str, Content]) -> None:
    assert standing(built(a="a", b="b", c="c"), BEFORE | contents(new="n"), later) is not Standing.FRESH


@pytest.mark.parametrize("read", ["a", "z"])
@pytest.mark.parametrize("later", ["a", "z"])
def test_a_file_that_changed_is_a_question_whatever_it_holds_later(read: str, later: str) -> None:
    now = contents(a="z", b="b", c="c")

    assert standing(built(a=read, b="b", c="c"), now, now | contents(a=later)) is not Standing.FRESH


@pytest.mark.parametrize("wheel", [built(b="b", c="c"), built(a="a", b="b", c="c")])
def test_a_file_that_went_is_a_question_even_if_it_comes_back(wheel: dict[str, Content]) -> None:
    now = contents(b="b", c="c")

    assert standing(wheel, now, now) is not Standing.FRESH
    assert standing(wheel, now, BEFORE) is not Standing.FRESH


def test_a_touched_file_of_which_the_wheel_has_other_bytes_is_a_question() -> None:
    assert standing(built(a="a", b="b", c="z"), BEFORE, BEFORE) is not Standing.FRESH


@pytest.mark.parametrize("built_before", [True, False])
def test_a_file_that_was_away_while_the_backend_looked_is_a_question_though_it_holds_the_same(
    *, built_before: bool
) -> None:
    last = taught(built(a="a", b="b", c="c"), BEFORE, BEFORE) if built_before else None
    wheel = built(a="a", b="b")
    learned = taught(wheel, BEFORE, BEFORE, moved=frozenset({"src/pkg/c.css"}), last=last)

    assert judge(learned, BEFORE, wheel).standing is not Standing.FRESH


def test_a_touched_file_that_no_wheel_ever_had_is_known() -> None:
    tree = BEFORE | {"src/pkg/left.out": Content("l", executable=False), "notes.txt": Content("n", executable=False)}
    wheel = built(a="a", b="b", c="c")
    last = taught(wheel, tree, tree)
    learned = taught(wheel, tree, tree, moved=frozenset({"src/pkg/left.out", "notes.txt"}), last=last)

    assert judge(learned, tree, wheel).standing is Standing.FRESH
