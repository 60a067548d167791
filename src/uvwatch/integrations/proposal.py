"""A file as it stands and as it should stand, and how the second takes the place of the first.

It knows files. It must not know what is in them.
"""

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from uvwatch.errors import Fatal


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """One file of an integration.

    ``path`` is absolute; ``before`` is its text, None if there is no such file; ``after`` the whole text that it should
    have. What is in ``before`` and is no business of uvwatch is in ``after``, too. ``excerpt`` is what people are shown
    in place of ``after``, where that is a large file of theirs.
    """

    path: Path
    before: str | None
    after: str
    excerpt: str | None = None

    @property
    def changes(self) -> bool:
        """Whether there is anything to write."""
        return self.before != self.after


def read(path: Path) -> str | None:
    """Give the text of a file with its line ends as they are, None if there is none.

    Raises:
        Fatal: it cannot be read, or is not UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise Fatal(f"{path}: is not UTF-8 (byte {error.start}); nothing was changed") from error
    except OSError as error:
        raise Fatal(f"{path}: cannot be read: {error.strerror}; nothing was changed") from error


def require_inside(proposals: Iterable[Proposal], root: Path) -> None:
    """Refuse to write what is another project's.

    Raises:
        Fatal: a file's directory, links followed, lies outside of ``root``.
    """
    for proposal in proposals:
        if not proposal.path.parent.resolve().is_relative_to(root.resolve()):
            raise Fatal(f"{proposal.path} lies outside of {root}: run it there, or with --project; nothing was changed")


def write(proposal: Proposal) -> None:
    """Put the file in place, all of it or nothing; a symbolic link stays one, and a file keeps its mode.

    Raises:
        Fatal: it cannot be written.
    """
    target = proposal.path.resolve()
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            partial.write_bytes(proposal.after.encode("utf-8"))
            if target.exists():
                shutil.copymode(target, partial)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise Fatal(f"{proposal.path}: cannot be written: {error.strerror}") from error
