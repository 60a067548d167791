"""gitignore patterns: which one of a list decides about a path.

It knows the pattern language (git's, as pathspec reads it). It must not know what the patterns are for.

Lists of patterns are tuples and paths strings, so that what was decided once is remembered: a scan asks the same
questions as the scan before it, and a list of a hundred regular expressions is what costs.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from pathspec import GitIgnoreSpec


class Decision(NamedTuple):
    """``include`` is None where no pattern says anything; ``position`` is that of the pattern that decided."""

    include: bool | None
    position: int | None


def decide(patterns: tuple[str, ...], path: str) -> Decision:
    """What the patterns say of ``path``: the last one that matches decides, and ``!`` negates, as in a .gitignore.

    Args:
        patterns: one pattern an item; what is no pattern matches nothing.
        path: relative to the directory that the patterns are anchored in, parts divided by ``/``, a directory with a
            ``/`` at its end. What lies below a directory that matches, matches.
    """
    return _decide(patterns, path) if patterns else _NOTHING


def is_pattern(text: str) -> bool:
    """Whether ``text`` can be read as a pattern; a blank one and a comment can be, and match nothing."""
    try:
        GitIgnoreSpec.from_lines([text])
    except ValueError:
        return False
    return True


_NOTHING = Decision(None, None)


@lru_cache(maxsize=1 << 16)
def _decide(patterns: tuple[str, ...], path: str) -> Decision:
    result = _compiled(patterns).check_file(path)
    return _NOTHING if result.include is None else Decision(result.include, result.index)


@lru_cache(maxsize=256)
def _compiled(patterns: tuple[str, ...]) -> GitIgnoreSpec:
    # A comment stands for what pathspec refuses or leaves out, so that a position counts in the list as it was given.
    return GitIgnoreSpec.from_lines([text if text.strip() and is_pattern(text) else "#" for text in patterns])


def as_glob(pattern: str) -> str:
    """A pattern that has a path, as pathlib has it: two stars stand alone there, and a backslash is a letter.

    What git has lie below a directory (a last ``**``) is named one by one.
    """
    parts = [part if part == "**" else re.sub(r"\*\*+", "*", part) for part in pattern.strip("/").split("/")]
    every = "/".join([*parts, "*"] if parts[-1] == "**" else parts)
    return re.sub(r"\\([*?\[\]])", r"[\1]", every)
