import pytest
from hypothesis import given
from hypothesis import strategies as st

from uvwatch.core import settle


def test_a_single_change_is_settled_after_the_quiet_window() -> None:
    burst = settle.begin(100.0, quiet=0.1, cap=10.0)

    assert burst.wait(100.0) == pytest.approx(0.1)
    assert burst.wait(100.2) == 0.0


def test_each_change_opens_the_window_anew() -> None:
    burst = settle.begin(0.0, quiet=1.0, cap=10.0).touched(0.9)

    assert burst.due() == pytest.approx(1.9)


def test_a_stream_that_never_ends_is_cut_at_the_cap_counted_from_its_first_change() -> None:
    burst = settle.begin(0.0, quiet=0.1, cap=10.0)
    for tick in range(1, 240):
        burst = burst.touched(tick * 0.05)

    assert burst.due() == 10.0


@given(
    st.floats(0.0, 1e6),
    st.floats(0.001, 10),
    st.floats(0.001, 100),
    st.lists(st.floats(0, 50), max_size=20).map(sorted),
)
def test_it_is_due_between_the_first_change_and_the_cap(
    start: float, quiet: float, cap: float, gaps: list[float]
) -> None:
    burst = settle.begin(start, quiet=quiet, cap=cap)
    for gap in gaps:
        burst = burst.touched(start + gap)

    assert start <= burst.due() <= start + cap
    assert burst.wait(burst.due()) == 0.0


@pytest.mark.parametrize(
    ("ago", "restless"),
    [(0.0, True), (0.05, True), (0.099, True), (0.1, False), (3.0, False), (-0.01, False), (-3600.0, False)],
)
def test_a_file_that_changed_within_the_window_says_that_it_is_not_over(ago: float, *, restless: bool) -> None:
    assert settle.is_restless(1000.0 - ago, 1000.0, quiet=0.1) is restless
