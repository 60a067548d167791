"""Whether another program is in the middle of something that a look would see the half of.

It asks the disk each time and changes nothing. How long to wait, and what for, is not known here.
"""

import os
from pathlib import Path

import structlog

from uvwatch.keeping.roster import Roster
from uvwatch.watching.gitlocks import GitLocks, Held

log = structlog.get_logger()


class Busy:
    """The programs beside us that a site's updates wait for."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self._git = GitLocks()

    def is_busy(self) -> bool:
        """Whether to wait.

        git holds an index lock (a checkout, a stash, a rebase), a generator emptied its directory and has not filled it
        again, or the environment is being removed or made.
        """
        if self._held() or any(keeper.is_refilling() for keeper in self._roster.keepers.values()):
            return True
        prefix = self._roster.site.prefix
        had_one = any(keeper.env.has_pyvenv_cfg for keeper in self._roster.keepers.values())
        # Not by pathlib, which raises where the environment is another user's now (made anew under sudo).
        return had_one and os.path.isdir(prefix) and not os.path.exists(prefix / "pyvenv.cfg")  # noqa: PTH110, PTH112

    def give_up(self) -> None:
        """It was waited long enough: what is locked now is not waited for again, and named, once."""
        held = self._held()
        self._git.give_up(held)
        for lock in held:
            log.warning(
                "git.lock_stays",
                path=str(lock.path),
                message="git's index lock stayed for longer than settle-max: updates no longer wait for it",
                remedy="remove the file if no git command runs; one that was killed leaves it behind",
            )

    def _held(self) -> tuple[Held, ...]:
        site, keepers = self._roster.site, self._roster.keepers.values()
        return self._git.held({site.workspace.root, *(Path(keeper.distribution.root) for keeper in keepers)})
