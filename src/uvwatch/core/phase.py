"""The daemon's phases and the moves between them, in one table.

Rule 1: whatever decides which phase comes next stands here. Rule 2: this module does not know what is done in a phase.
"""

from collections.abc import Mapping
from enum import Enum


class Phase(Enum):
    """What the daemon is doing; the values are those of the public status."""

    STARTING = "starting"
    IDLE = "idle"
    SETTLING = "settling"
    HELD = "held"
    UPDATING = "updating"
    FAILED = "failed"
    STOPPING = "stopping"


class Move(Enum):
    """What can happen to the daemon."""

    CHANGED = "changed"
    HOLD = "hold"
    RELEASED = "released"
    NOTHING_TO_DO = "nothing to do"
    STILL_FAILED = "still failed"
    UPDATE = "update"
    UPDATED = "updated"
    UPDATE_FAILED = "update failed"
    STOP = "stop"


class IllegalMoveError(RuntimeError):
    """A move that the table does not have: a bug, never the user's doing."""


TABLE: Mapping[Phase, Mapping[Move, Phase]] = {
    Phase.STARTING: {Move.UPDATE: Phase.UPDATING, Move.STOP: Phase.STOPPING},
    Phase.IDLE: {Move.CHANGED: Phase.SETTLING, Move.UPDATE: Phase.UPDATING, Move.STOP: Phase.STOPPING},
    Phase.SETTLING: {
        Move.CHANGED: Phase.SETTLING,
        Move.HOLD: Phase.HELD,
        Move.NOTHING_TO_DO: Phase.IDLE,
        Move.STILL_FAILED: Phase.FAILED,
        Move.UPDATE: Phase.UPDATING,
        Move.STOP: Phase.STOPPING,
    },
    Phase.HELD: {Move.CHANGED: Phase.HELD, Move.RELEASED: Phase.SETTLING, Move.STOP: Phase.STOPPING},
    Phase.UPDATING: {
        Move.UPDATED: Phase.IDLE,
        Move.UPDATE_FAILED: Phase.FAILED,
        Move.STOP: Phase.STOPPING,
    },
    Phase.FAILED: {Move.CHANGED: Phase.SETTLING, Move.UPDATE: Phase.UPDATING, Move.STOP: Phase.STOPPING},
    Phase.STOPPING: {},
}


def after(phase: Phase, move: Move) -> Phase:
    """Look up the next phase.

    Raises:
        IllegalMoveError: the table has no such move.
    """
    try:
        return TABLE[phase][move]
    except KeyError:
        raise IllegalMoveError(f"{move.value} while {phase.value}") from None
