"""The settings of a site while it is kept: taken up when their files change, the last good ones where they are wrong.

It knows when to read them again. What they mean is for ``site``; who goes by them the roster tells.
"""

import os

import structlog
from anyio import to_thread

from uvwatch.errors import Fatal
from uvwatch.keeping.roster import Roster, require_packages
from uvwatch.keeping.site import Site, find_again

log = structlog.get_logger()


class Settings:
    """Those that a roster goes by, and the state of their files when they were last read."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self._files = roster.site_state()
        self._settled, self._complaint = True, ""

    async def take_up(self) -> None:
        """Read pyproject.toml again where it changed; what is wrong is told once, and the last good settings hold."""
        state = await to_thread.run_sync(self._roster.site_state)
        changed, self._files = state != self._files, state
        if changed or not self._settled:
            self._settled = False
            try:
                site = await to_thread.run_sync(self._read)
            except Fatal as error:
                if self._complaint != str(error):
                    log.warning("settings.kept", message=f"{error}; the last good settings hold until it is mended")
                self._complaint = str(error)
                return
            self._roster.take(site)
            self._settled, self._complaint = True, ""
            if changed:
                self._roster.resume()

    def distrust(self) -> None:
        """Read them again whether or not their files change: others were gone by meanwhile."""
        self._settled = False

    def changed(self) -> tuple[str, ...]:
        """Which of their files are others than when they were last read, relative to the project."""
        now, project = self._roster.site_state(), self._roster.site.workspace.project
        return tuple(os.path.relpath(path, project) for path, state in now.items() if state != self._files.get(path))

    def _read(self) -> Site:
        now = self._roster.site
        site = find_again(now)
        if site.packages != now.packages:
            require_packages(site)
        return site
