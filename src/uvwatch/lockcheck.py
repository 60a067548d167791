"""Whether uv.lock fits pyproject.toml, asked of uv; it may have to ask the network, so nothing waits for the answer.

It knows uv's question and its answer. When to ask is known elsewhere.
"""

from collections.abc import Callable, Mapping

import structlog
from anyio import to_thread

from uvwatch.core.model import Event, Warned, WarningCode
from uvwatch.errors import CycleFailed
from uvwatch.installing.uv import lock_check_command, run_uv
from uvwatch.keeping.roster import Roster

PATIENCE = 30.0
"""Seconds that uv may take."""

log = structlog.get_logger()


class LockCheck:
    """Asks once for each state of the files that decide."""

    def __init__(self, roster: Roster, publish: Callable[[Event], None]) -> None:
        self._roster = roster
        self._publish = publish
        self._checked: Mapping[str, str] = {}
        self._asking = False

    async def run(self) -> None:
        """Warn if dependencies were edited but not locked; one question at a time, none where nothing changed."""
        if self._asking:
            return
        self._asking = True
        try:
            while (state := await to_thread.run_sync(self._roster.site_state)) != self._checked:
                self._checked = state
                if state.get(str(self._roster.site.lock_file)):
                    await self._ask()
        finally:
            self._asking = False

    async def _ask(self) -> None:
        site = self._roster.site
        command = lock_check_command(site.uv, root=site.workspace.root, environ=site.environ)
        try:
            await run_uv(command, timeout=PATIENCE)
        except CycleFailed as error:
            if "needs to be updated" not in error.output:
                log.debug("lock.not_checked", reason=str(error))
                return
            self._publish(
                Warned(
                    code=WarningCode.LOCK_OUTDATED,
                    message="uv.lock does not fit pyproject.toml: dependencies were edited but not locked",
                    remedy="run `uv lock`",
                )
            )
