"""Who is kept fresh: the local distributions of the environment, and the environment itself where uv must make it.

It knows what is installed, and what is missing. Whether a copy is fresh the keepers know.
"""

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import structlog
from anyio import to_thread

from uvwatch.core import record
from uvwatch.core.mode import asked_for
from uvwatch.core.model import Distribution, Files, Warned, WarningCode
from uvwatch.errors import CycleFailed, FailureKind, Fatal
from uvwatch.installing.uv import as_locked
from uvwatch.keeping.copy import mark
from uvwatch.keeping.editable import EditableKeeper
from uvwatch.keeping.keeper import Keeper, OnLine
from uvwatch.keeping.making import UnfitLock, making, reinstall_here, run
from uvwatch.keeping.site import Site
from uvwatch.project import files
from uvwatch.project.environment import Environment, NoEnvironment, open_environment
from uvwatch.project.installed import local_distributions, read_installed, select
from uvwatch.project.lock import LockedPackage, NoLock, locked
from uvwatch.project.misplaced import Misplaced, find_misplaced

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What uv had to do before anything could be compared.

    ``reason`` says why, ``""`` if nothing was missing. ``before`` has, by name, each distribution that uv installed
    meanwhile, with the wheel's files of the copy that was there before, none where there was no copy.
    """

    reason: str = ""
    before: Mapping[str, Files] = field(default_factory=dict)


class Roster:
    """The keepers of one site, by name."""

    def __init__(self, site: Site, on_line: OnLine) -> None:
        self.site = site
        self.keepers: dict[str, Keeper] = {}
        # Whom there ever was: what was uninstalled may come back, and is to be kept as it was.
        self._former: dict[str, Keeper] = {}
        # In which mode each was first seen, where that is known from before this run: uv removes what knew it.
        self._modes: Mapping[str, bool] = {}
        self.state: Mapping[str, object] = {}
        # What is asked for and installed from another directory than where this workspace has it: as good as absent.
        self.misplaced: tuple[Misplaced, ...] = ()
        self._on_line = on_line
        self._locked: Mapping[str, LockedPackage] = {}
        self._locked_of: str | None = None

    @property
    def known(self) -> Mapping[str, Keeper]:
        """Who keeps, or kept, what: also of what is not installed at this moment (uv uninstalls before it links)."""
        return self._former

    @property
    def distributions(self) -> tuple[Distribution, ...]:
        """What is kept fresh, by name."""
        return tuple(keeper.distribution for _name, keeper in sorted(self.keepers.items()))

    async def open(self) -> None:
        """Find the distributions of the environment and look at their trees; makes nothing.

        Raises:
            Fatal: there is nothing to keep fresh, and uv could not make it so.
        """
        try:
            env = await to_thread.run_sync(open_environment, self.site.prefix)
        except NoEnvironment as absent:
            if not absent.can_be_made:
                raise
        else:
            await self.adopt(env)
        if not self.keepers and not self.misplaced:
            self._require_a_package()
        if not self.site.lock_file.exists():
            raise Fatal(f"no uv.lock in {self.site.workspace.root}: run `uv lock` first")

    def _require_a_package(self) -> None:
        if not self.site.installs_project:
            raise Fatal(
                f"{self.site.workspace.project / 'pyproject.toml'} has no [build-system], so uv installs nothing of"
                " this project: add one (`uv init --package` shows how), or name a member with --project"
            )

    def take(self, site: Site) -> None:
        """Go on with changed settings."""
        if (site.config, site.workspace) != (self.site.config, self.site.workspace):
            for keeper in self._former.values():
                keeper.take(site)
        self.site = site

    def resume(self) -> None:
        """Have every keeper follow again what it had suspended: a file of the settings was saved."""
        for keeper in self._former.values():
            keeper.resume()

    def leave_out(self) -> None:
        """Let go of what is not to be kept by the settings as they are now."""
        if (wanted := self.site.packages) is not None:
            self.keepers = {name: keeper for name, keeper in self.keepers.items() if name in wanted}

    def _survey(self) -> tuple[Environment, tuple[Distribution, ...], str]:
        try:
            env = open_environment(self.site.prefix)
            return env, local_distributions(env), self.lock_digest()
        except OSError as error:
            raise CycleFailed(
                FailureKind.ENVIRONMENT, f"{error.filename or self.site.prefix}: {error.strerror}"
            ) from error

    async def adopt(self, env: Environment, found: tuple[Distribution, ...] | None = None) -> None:
        """Keep what is installed now: known keepers go on, new ones look."""
        if found is None:
            found = await to_thread.run_sync(local_distributions, env)
        keepers: dict[str, Keeper] = {}
        placed, wanted = await to_thread.run_sync(self._set_misplaced_aside, found)
        for distribution in _selected(self.site, placed, wanted):
            known = self._former.get(distribution.name)
            kind = EditableKeeper if distribution.editable else Keeper
            # One that has just changed the mode by itself is of the other kind.
            if type(known) is kind and known.fits(env, distribution):
                keepers[distribution.name] = known
                continue
            others = tuple(each for each in placed if each.root != distribution.root)
            keeper = kind(self.site, env, distribution, others)
            if known is not None:
                keeper.inherit(editable=known.first_seen_editable)
            elif distribution.name in self._modes:
                keeper.inherit(editable=self._modes[distribution.name])
            try:
                await keeper.read_installed()
            except CycleFailed as error:
                log.warning("installed.unreadable", distribution=distribution.name, reason=str(error))
            await keeper.look()
            keepers[distribution.name] = keeper
        self.keepers = keepers
        self._former.update(keepers)

    def _set_misplaced_aside(
        self, found: tuple[Distribution, ...]
    ) -> tuple[tuple[Distribution, ...], tuple[str, ...] | None]:
        """What is installed of what this workspace has, or has no place for; and which names of that are asked for."""
        try:
            misplaced = find_misplaced(found, self.site.workspace, self._in_lock)
        except NoLock:  # told by whoever needs it
            misplaced = ()
        names, wanted = {each.name for each in misplaced}, self.site.packages
        self.misplaced = tuple(each for each in misplaced if wanted is None or each.name in wanted)
        return (
            tuple(each for each in found if each.name not in names),
            None if wanted is None else tuple(name for name in wanted if name not in names),
        )

    def refuse_misplaced(self) -> None:
        """Have who changes nothing say what ``ensure`` would do.

        Raises:
            Fatal: what is asked for is installed from another directory than where this workspace has it.
        """
        if self.misplaced:
            raise Fatal(f"{self.misplaced[0].sentence(self.site.prefix)}: run `uvwatch sync`")

    async def ensure(self) -> Made:
        """Have uv make what is missing: the environment, the project in it, what uv.lock now says.

        Raises:
            CycleFailed: uv could not.
            Fatal: there is something else in the environment's place.
        """
        made = ""
        before: dict[str, Files] = {}
        first: Mapping[str, object] = {}
        try:
            lock = await self._take_stock()
            first = self.state
            before = {name: keeper.wheel_files() for name, keeper in self.keepers.items()}
        except NoEnvironment as absent:
            if not absent.can_be_made:
                raise
            made = "there was no environment"
            self._modes = {**self._modes, **await to_thread.run_sync(self.site.store.modes)}
            await self._make(made)
            lock = await self._take_stock()
        if self.misplaced:
            made = _moved(self.misplaced)
            before |= await to_thread.run_sync(self._misplaced_files)
            await self._reinstall_misplaced()
            lock = await self._take_stock()
            if self.misplaced:
                raise CycleFailed(FailureKind.UV, f"{self.misplaced[0].sentence(self.site.prefix)}: run `uv lock`")
        wanted = self.site.packages is None or self.site.name in self.site.packages
        if self.site.installs_project and wanted and self.site.name not in self.keepers:
            made = f"{self.site.name} was not installed"
            await self._make(made)
            lock = await self._take_stock()
        unknown = sorted({*(self.site.packages or ())} - self.keepers.keys())
        if unknown:
            named = f"{self.site.packages_key}no local distribution {unknown[0]}"
            raise Fatal(f"{named} is installed in {self.site.prefix}")
        if any(keeper.lock not in (None, lock) for keeper in self.keepers.values()):
            made = made or "uv.lock changed"
            try:
                await self._make("uv.lock changed")
            except UnfitLock:
                # pyproject.toml was edited again since, which is warned of: what is locked holds until the next lock.
                await self._make("uv.lock changed", as_it_is=True)
            lock = await self._take_stock()
        for keeper in self.keepers.values():
            keeper.lock = lock
        anew = [name for name in self.keepers if made and self.state.get(name) != first.get(name)]
        return Made(reason=made, before={name: before.get(name, {}) for name in anew})

    async def _take_stock(self) -> str:
        """Adopt what is installed now, and give the digest of uv.lock."""
        env, found, lock = await to_thread.run_sync(self._survey)
        self.state = {each.name: (each, mark(env, each)) for each in found}
        await self.adopt(env, found)
        return lock

    async def not_locked(self) -> tuple[str, ...]:
        """The names of what is kept fresh and unknown to uv.lock; the lock is read when it is another than before.

        Raises:
            Fatal: uv.lock cannot be read.
        """
        return tuple(sorted(self.keepers.keys() - (await to_thread.run_sync(self._in_lock)).keys()))

    def _in_lock(self) -> Mapping[str, LockedPackage]:
        digest = self.lock_digest()
        if digest != self._locked_of:
            self._locked = locked(self.site.workspace.root)
            self._locked_of = digest
        return self._locked

    def note(self, keeper: Keeper) -> None:
        """Take in that this copy was just updated by ourselves."""
        self.state = {**self.state, keeper.name: (keeper.distribution, mark(keeper.env, keeper.distribution))}

    async def _make(self, why: str, *, as_it_is: bool = False) -> None:
        stay = self._stay() if self.site.prefix.exists() else ()
        log.info("environment.sync", reason=why, environment=str(self.site.prefix))
        for command in making(self.site, editable=self._mode_of_all(), stay=stay):
            await run(as_locked(command) if as_it_is else command, self.site, self._on_line)

    def _misplaced_files(self) -> dict[str, Files]:
        found: dict[str, Files] = {}
        env = open_environment(self.site.prefix)
        for each in self.misplaced:
            with suppress(OSError):
                files = read_installed(env, each.distribution).files
                found[each.name] = record.of_the_wheel({path: known.content for path, known in files.items()})
        return found

    async def _reinstall_misplaced(self) -> None:
        """Have uv install from this workspace, in its mode, what was installed from another directory."""
        log.info("environment.misplaced", reason=_moved(self.misplaced), environment=str(self.site.prefix))
        known = await to_thread.run_sync(self._in_lock)
        modes = await to_thread.run_sync(self.site.store.modes)
        for each in self.misplaced:
            mode = modes.get(each.name, each.distribution.editable)
            await reinstall_here(each, self.site, self._on_line, locked=each.name in known, mode=mode)

    def _stay(self) -> tuple[str, ...]:
        """The distributions that uv shall leave as they are, since they are compared with their trees afterwards.

        uv would install each anew in its own default mode. One that uv.lock has from elsewhere now is uv's to replace.
        """
        known = locked(self.site.workspace.root)
        return tuple(
            name
            for name, keeper in sorted(self.keepers.items())
            if name in known and str(known[name].path) == keeper.distribution.root
        )

    def _mode_of_all(self) -> bool | None:
        """The mode in which uv shall install what it makes; None leaves it to uv."""
        asked = asked_for(self.site.config.editable, requested=self.site.request.editable)
        if asked is not None:
            return asked
        former = {name: keeper.first_seen_editable for name, keeper in self._former.items()}
        modes = {*(former or self._modes).values()}
        return modes.pop() if len(modes) == 1 else None

    def lock_digest(self) -> str:
        """Identify what uv.lock holds now; empty where there is none."""
        return digest_of(str(self.site.lock_file))

    def site_state(self) -> Mapping[str, str]:
        """Identify what the files hold that the settings come from, by absolute path."""
        return {path: digest_of(path) for path in self.site.files()}

    def was_changed(self) -> bool:
        """Whether other local distributions, or other copies, are installed than when last looked at or written."""
        try:
            env, found, _lock = self._survey()
        except (CycleFailed, Fatal):
            return True
        return self.state != {each.name: (each, mark(env, each)) for each in found}


def require_packages(site: Site) -> None:
    """Refuse settings that name what is not installed, and will not be: uv makes the project alone.

    Raises:
        Fatal: no distribution has such a name; it says which setting names it.
    """
    try:
        found = local_distributions(open_environment(site.prefix))
    except NoEnvironment:
        return  # the cycle makes it, and says what is not in it then
    _selected(site, found, [name for name in site.packages or () if name != site.name] or None)


def _selected(site: Site, found: tuple[Distribution, ...], names: Collection[str] | None) -> tuple[Distribution, ...]:
    try:
        return select(found, names) if found else ()
    except Fatal as error:
        raise Fatal(f"{site.packages_key}{error}") from error


def _moved(misplaced: Iterable[Misplaced]) -> str:
    return "; ".join(f"{each.name} was installed from {each.distribution.root}" for each in misplaced)


def not_locked_warning(name: str) -> Warned:
    """What a user should know of a distribution that uv.lock does not name."""
    return Warned(
        code=WarningCode.NOT_LOCKED,
        distribution=name,
        message=f"{name} is installed from a local directory and uv.lock does not know it: it is kept fresh by"
        " `uv pip install`, and a plain `uv sync` removes it",
        remedy=f"`uv add` its directory, or `uv pip uninstall {name}`",
    )


def digest_of(path: str) -> str:
    """Identify a file's content; empty where it cannot be read."""
    try:
        return files.read(path).content.digest
    except OSError:
        return ""
