"""When there is colour, and which.

It knows the option, ``NO_COLOR`` (no-color.org) and the codes of terminals. It must not know what is coloured.
"""

from collections.abc import Mapping
from enum import Enum

_RESET = "\x1b[0m"


class Tone(Enum):
    """How a piece of text is shown; the values are the parameters of the escape sequence (ECMA-48, SGR)."""

    PLAIN = ""
    DIM = "2"
    RED = "31"


def wanted(choice: str, *, tty: bool, env: Mapping[str, str]) -> bool:
    """Decide whether to colour.

    Args:
        choice: the option's value, ``auto``, ``always`` or ``never``; what the user types wins over the variables.
        tty: whether the stream is a terminal.
        env: the environment variables; ``NO_COLOR`` counts when it is not empty.
    """
    if choice == "auto":
        return tty and not env.get("NO_COLOR") and env.get("TERM") != "dumb"
    return choice == "always"


def painted(text: str, tone: Tone) -> str:
    """Put the tone's escape sequences around the text; nothing around nothing."""
    return f"\x1b[{tone.value}m{text}{_RESET}" if text and tone is not Tone.PLAIN else text
