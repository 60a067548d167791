import pytest

from uvwatch.core.loops import LOOP, Loop, Recent


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
