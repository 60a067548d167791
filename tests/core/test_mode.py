import pytest

from uvwatch.core.config import Editable
from uvwatch.core.mode import FLIPS, Mode, asked_for, choose


@pytest.mark.parametrize(
    ("policy", "requested", "expected"),
    [
        (Editable.KEEP, None, None),
        (Editable.KEEP, True, True),
        (Editable.ALWAYS, None, True),
        (Editable.NEVER, None, False),
        (Editable.ALWAYS, False, False),
        (Editable.NEVER, True, True),
    ],
)
def test_the_command_line_wins_over_the_setting(
    policy: Editable, requested: bool | None, expected: bool | None
) -> None:
    assert asked_for(policy, requested=requested) is expected


@pytest.mark.parametrize("mode", [True, False])
def test_what_is_as_it_was_first_seen_stays(mode: bool) -> None:
    assert choose(now=mode, first=mode, asked=None, recent_flips=99) == Mode(editable=mode)


@pytest.mark.parametrize("flips", range(FLIPS))
def test_a_flip_is_put_back(flips: int) -> None:
    assert choose(now=True, first=False, asked=None, recent_flips=flips) == Mode(
        editable=False, flipped=True, put_back=True
    )


def test_a_command_that_insists_is_not_fought() -> None:
    assert choose(now=True, first=False, asked=None, recent_flips=FLIPS) == Mode(editable=True, flipped=True)


def test_who_asks_is_obeyed_without_a_word_about_flips() -> None:
    assert choose(now=False, first=False, asked=True, recent_flips=0) == Mode(editable=True)
