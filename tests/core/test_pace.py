import pytest

from uvwatch.core.pace import NEVER, audit_interval, retry_delay


@pytest.mark.parametrize(
    ("failures", "seconds"), [(0, NEVER), (1, 2.0), (2, 5.0), (3, 15.0), (4, 60.0), (5, 60.0), (1000, 60.0)]
)
def test_a_failure_is_tried_again_later_and_later_and_never_given_up(failures: int, seconds: float) -> None:
    assert retry_delay(failures) == seconds


@pytest.mark.parametrize(
    ("audit", "cost", "seconds"),
    [
        (60.0, 0.0, 60.0),
        (60.0, 0.06, 60.0),
        (60.0, 0.07, 70.0),
        (60.0, 3.0, 3000.0),
        (0.2, 0.0001, 0.2),
        (0.2, 0.01, 10.0),
        (0.0, 0.0, NEVER),
        (0.0, 3.0, NEVER),
    ],
)
def test_audits_are_so_far_apart_that_they_cost_no_more_than_a_thousandth_of_a_core(
    audit: float, cost: float, seconds: float
) -> None:
    assert audit_interval(audit, cost) == pytest.approx(seconds)
