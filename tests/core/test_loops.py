import pytest

from uvwatch.core.loops import INSISTS, INSISTS_WINDOW, LOOP, Loop, Meddled, Recent


def after(updates: list[list[str]]) -> Recent:
    """Take in what changed during each of these updates, two seconds apart."""
    recent = Recent()
    for number, paths in enumerate(updates):
        recent = recent.after(paths, 2.0 * number)
    return recent


@pytest.mark.parametrize(
    ("updates", "loops"),
    [
        ([], ()),
        ([["a"]] * (LOOP - 1), ()),
        ([["a"]] * LOOP, (Loop(path="a", every=2.0),)),
        ([["a", "b"]] * LOOP, (Loop(path="a", every=2.0), Loop(path="b", every=2.0))),
        ([["a"]] * (LOOP - 1) + [[]] + [["a"]], ()),
        ([["a", "b"]] * (LOOP - 1) + [["b"]], (Loop(path="b", every=2.0),)),
    ],
    ids=["nothing", "not often enough", "a loop", "two", "a pause", "one of two"],
)
def test_a_file_loops_that_changed_during_each_of_the_last_updates(
    updates: list[list[str]], loops: tuple[Loop, ...]
) -> None:
    assert after(updates).loops() == loops


def test_a_file_is_insisted_on_once_it_was_put_back_often_enough_within_the_window() -> None:
    meddled = Meddled()
    for number in range(INSISTS):
        meddled = meddled.after(["a", "b"], float(number))
        assert not meddled.insists("a")
    meddled = meddled.after(["a"], 10.0)
    assert (meddled.insists("a"), meddled.begins("a"), meddled.insists("b")) == (True, True, False)
    meddled = meddled.after(["a"], 11.0)
    assert (meddled.insists("a"), meddled.begins("a")) == (True, False)


def test_what_was_put_back_long_ago_is_forgotten() -> None:
    meddled = Meddled()
    for number in range(2 * INSISTS):
        meddled = meddled.after(["a"], number * INSISTS_WINDOW / INSISTS)
        assert not meddled.insists("a")
    assert Meddled(times={"a": (0.0,)}).after([], INSISTS_WINDOW) == Meddled()
