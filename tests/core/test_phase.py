import pytest

from uvwatch.core import phase
from uvwatch.core.phase import Move, Phase


def test_the_life_of_a_daemon() -> None:
    now = Phase.STARTING
    for move in (Move.UPDATE, Move.UPDATED, Move.CHANGED, Move.UPDATE, Move.UPDATE_FAILED, Move.CHANGED, Move.STOP):
        now = phase.after(now, move)

    assert now is Phase.STOPPING


def test_every_phase_has_a_row() -> None:
    assert set(phase.TABLE) == set(Phase)


def test_a_stop_is_possible_from_everywhere_but_the_stop() -> None:
    assert {each for each in Phase if Move.STOP in phase.TABLE[each]} == set(Phase) - {Phase.STOPPING}


def test_every_phase_can_be_reached() -> None:
    reached, new = {Phase.STARTING}, {Phase.STARTING}
    while new:
        new = {after for each in new for after in phase.TABLE[each].values()} - reached
        reached |= new

    assert reached == set(Phase)


def test_an_illegal_move_raises() -> None:
    with pytest.raises(phase.IllegalMoveError, match="updated while idle"):
        phase.after(Phase.IDLE, Move.UPDATED)
