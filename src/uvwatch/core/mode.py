"""In which mode a distribution shall be installed: editable, or a real copy.

The user's word comes first, then the setting, then the mode in which uvwatch first saw it. Another command that changes
the mode (a plain ``uv run`` does) is put right once a flip; one that insists is only reported, never fought.
"""

from dataclasses import dataclass

from uvwatch.core.config import Editable

FLIPS = 3
"""How many flips are put back..."""

FLIP_WINDOW = 600.0
"""...within so many seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """``editable`` is the mode to have; ``flipped``: another command changed it; ``put_back``: that is undone."""

    editable: bool
    flipped: bool = False
    put_back: bool = False


def asked_for(policy: Editable, *, requested: bool | None) -> bool | None:
    """What the command line or the setting says; None leaves it to what was first seen."""
    if requested is not None:
        return requested
    match policy:
        case Editable.ALWAYS:
            return True
        case Editable.NEVER:
            return False
        case Editable.KEEP:
            return None


def choose(*, now: bool, first: bool, asked: bool | None, recent_flips: int) -> Mode:
    """Choose the mode of one distribution.

    Args:
        now: whether it is installed editable.
        first: whether it was when uvwatch first saw it.
        asked: as ``asked_for`` says.
        recent_flips: how many flips there were within ``FLIP_WINDOW``, without this one.
    """
    if asked is not None:
        return Mode(editable=asked)
    if now == first:
        return Mode(editable=now)
    put_back = recent_flips < FLIPS
    return Mode(editable=first if put_back else now, flipped=True, put_back=put_back)
