"""Directories of generated files that their generator has emptied and not filled again (``collectstatic --clear``).

It knows what was learned and asks the disk whether a directory holds a file. What follows from it is not known here.
"""

import os

from uvwatch.core.patterns import decide
from uvwatch.core.plan import Learned
from uvwatch.watching.ignores import GitIgnores


class Refilling:
    """Asks for one tree at ``root``; what counts as generated is worked out once for each thing learned."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._of: Learned | None = None
        self._tops: tuple[str, ...] = ()

    def is_under_way(self, learned: Learned | None, artifacts: tuple[str, ...]) -> bool:
        """Whether a directory of generated files that was not empty at the last build is empty now, or gone.

        Args:
            learned: what the last build taught; None for nothing.
            artifacts: the gitignore patterns by which settings name artifacts.
        """
        if learned is None:
            return False
        if self._of is not learned:
            self._of, self._tops = learned, generated_directories(self._root, learned, artifacts)
        return any(not _holds_a_file(f"{self._root}/{path}") for path in self._tops)


def generated_directories(root: str, learned: Learned, artifacts: tuple[str, ...]) -> tuple[str, ...]:
    """The topmost directories that held files of the wheel and that a setting, or git, calls generated."""
    ignores = GitIgnores(root)
    judged: dict[str, bool] = {"": False}

    def generated(directory: str) -> bool:
        if directory not in judged:
            above, _, name = directory.rpartition("/")
            judged[directory] = (
                generated(above)
                or decide(artifacts, directory + "/").include is True
                or ignores.ignored(above, name + "/")
            )
        return judged[directory]

    directories = {source.rpartition("/")[0] for source in learned.origins.of.values()}
    tops = set()
    for directory in directories:
        if generated(directory):
            while generated(directory.rpartition("/")[0]):
                directory = directory.rpartition("/")[0]  # noqa: PLW2901 - a walk up
            tops.add(directory)
    return tuple(sorted(tops))


def _holds_a_file(directory: str) -> bool:
    return any(files for _top, _directories, files in os.walk(directory))
