"""Where wheels are built, in a resident build process where one can, else by uv, and whose turn it is to install.

It knows who can build what. What a wheel is for it does not know.
"""

import time
from pathlib import Path
from types import TracebackType

import anyio
import structlog
from anyio import to_thread

from uvwatch.core.building import is_older
from uvwatch.core.config import Installer
from uvwatch.core.patterns import decide
from uvwatch.installing import buildenv
from uvwatch.installing.build import build_wheel
from uvwatch.installing.resident import NotResident, Resident, builds_directory
from uvwatch.installing.uvsettings import why_uv
from uvwatch.keeping.keeper import Keeper, OnLine
from uvwatch.keeping.site import Site, declared_by

log = structlog.get_logger()


class Workshop:
    """The builders of one run, for the length of an ``async with``; build processes start with the first build."""

    def __init__(self, site: Site) -> None:
        # Builds run side by side; what changes the environment takes turns. uv would wait for us anyway, and we for uv
        # no longer than we wait for a stranger.
        self.installing = anyio.Lock()
        self._site = site
        self._directory = builds_directory()
        self._renewed: set[tuple[str, str]] = set()
        self._resident = Resident(
            site.uv, workspace=site.workspace.root, environ=site.environ, directory=self._directory
        )

    async def __aenter__(self) -> "Workshop":  # noqa: PYI034 - typing.Self is younger than Python 3.10
        # First what can be cancelled: nobody ends what was begun here if this is not returned from.
        await to_thread.run_sync(buildenv.prune, self._directory, time.time())
        await self._resident.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._resident.__aexit__(kind, error, trace)

    def is_outdated(self, keeper: Keeper, built: str, installed: str) -> bool:
        """Whether uv has installed this by a newer backend than the one that is kept here; said once of each.

        ``built`` and ``installed`` are the texts of WHEEL.
        """
        what = (keeper.name, installed)
        if what in self._renewed or not is_older(built, installed):
            return False
        self._renewed.add(what)
        return True

    async def build(self, keeper: Keeper, out_dir: str, on_line: OnLine, *, renew: bool = False) -> str:
        """Build a wheel of a distribution's tree as it stands, and return its path.

        With ``renew`` the build environment is made anew, where one is kept.

        Raises:
            CycleFailed: the build failed.
        """
        site, root = keeper.site, keeper.distribution.root
        reason = await to_thread.run_sync(self._why_uv, keeper)
        if reason is None:
            try:
                return await self._resident.build_wheel(
                    root,
                    out_dir=out_dir,
                    python=keeper.env,
                    timeout=site.config.build_timeout,
                    on_line=on_line,
                    inputs_changed=_inputs_changed(keeper),
                    renew=renew,
                )
            except NotResident as error:
                reason = str(error)
        log.debug("build.by_uv", distribution=keeper.name, reason=reason)
        return await build_wheel(
            site.uv,
            root,
            out_dir=out_dir,
            python=str(keeper.env.python),
            workspace=site.workspace.root,
            environ=site.environ,
            timeout=site.config.build_timeout,
            on_line=on_line,
        )

    def _why_uv(self, keeper: Keeper) -> str | None:
        site = keeper.site
        if site.config.installer is Installer.UV:
            return 'installer = "uv"'
        if not site.store.keeps:
            return "nothing is to be left behind"
        return why_uv(
            keeper.distribution.root,
            workspace=site.workspace,
            environ=site.environ,
            python_version=keeper.env.python_version,
        )


def _inputs_changed(keeper: Keeper) -> bool:
    """Whether what the backend requires may be another than at the last build."""
    if keeper.learned is None or not Path(keeper.distribution.root, "pyproject.toml").exists():
        return True
    patterns = declared_by(keeper.distribution).build_inputs
    return any(decide(patterns, path).include for path in keeper.unlearned().paths)
