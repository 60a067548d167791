"""The program on one page: look, judge, update, verify, tell; one cycle at a time.

Everything goes one way: batches come in, events go out. What is decided is decided in ``core``; what is done is done by
the keepers. A pipeline does not know what wakes it: a change, a command or the clock.
"""

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import anyio
import structlog
from anyio import to_thread

from uvwatch.core import record
from uvwatch.core.model import (
    Action,
    Batch,
    CycleFinished,
    CycleStarted,
    Event,
    Outcome,
    Result,
    Trigger,
    Warned,
    WarningCode,
)
from uvwatch.core.plan import Judgement, Standing
from uvwatch.core.watchplan import is_below
from uvwatch.errors import CycleFailed, FailureKind, Fatal
from uvwatch.inbox import Hints
from uvwatch.installing.inplace import replay
from uvwatch.keeping.busy import Busy
from uvwatch.keeping.editable import EditableKeeper
from uvwatch.keeping.guards import Guards
from uvwatch.keeping.keeper import Keeper, OnLine
from uvwatch.keeping.looping import Loops
from uvwatch.keeping.modes import Modes, editable_warning
from uvwatch.keeping.reasons import failure_of, reason_of
from uvwatch.keeping.roster import Roster, not_locked_warning
from uvwatch.keeping.settings import Settings
from uvwatch.keeping.site import Site
from uvwatch.keeping.tidying import leftover_warning
from uvwatch.keeping.updating import Update, update
from uvwatch.keeping.workshop import Workshop
from uvwatch.tasks import side_by_side

_SHORTEST = 0.05

Publish = Callable[[Event], None]

log = structlog.get_logger()


class Pipeline:
    """All watched distributions of one site."""

    def __init__(self, site: Site, publish: Publish, workshop: Workshop, on_line: OnLine = lambda _line: None) -> None:
        self.roster = Roster(site, on_line)
        self.busy = Busy(self.roster)
        self.guards = Guards(self.roster)
        self.cycles = 0
        # Why a cycle is cancelled, asked when it is: its end line says so.
        self.given_up: Callable[[], CycleFailed] = lambda: STOPPED
        self._publish = publish
        self._workshop = workshop
        self._modes = Modes(publish)
        self._on_line = on_line
        self._told: set[tuple[WarningCode, str | None]] = set()
        self._loops = Loops(publish)
        self.settings = Settings(self.roster)
        # Whether a run, this one or one before it, may have been stopped or have failed in the middle of an update.
        self._unfinished = True

    @property
    def site(self) -> Site:
        """The project as last found."""
        return self.roster.site

    @property
    def keepers(self) -> dict[str, Keeper]:
        """Who keeps what, by name."""
        return self.roster.keepers

    @property
    def fresh(self) -> bool:
        """Whether no distribution is known to be stale."""
        return not self.is_dirty()

    def is_dirty(self, only: Collection[str] | None = None) -> bool:
        """Whether a distribution, or one of these, is known to be stale."""
        return any(keeper.dirty for name, keeper in self.keepers.items() if only is None or name in only)

    async def cycle(
        self,
        trigger: Trigger,
        batches: Mapping[str, Batch] | None = None,
        paths: tuple[str, ...] = (),
        only: Collection[str] | None = None,
    ) -> CycleFinished:
        """Bring the distributions of the batches, or all of them, up to date, and tell how it went.

        Args:
            trigger: what began the cycle.
            batches: the distributions that changed; None for all.
            paths: what changed, relative to the project.
            only: leave all other distributions as they are; None for none.
        """
        self.cycles += 1
        started = anyio.current_time()
        named = self.keepers if batches is None else batches
        names = tuple(sorted(name for name in named if only is None or name in only)) if paths else ()
        self._publish(CycleStarted(cycle=self.cycles, trigger=trigger, names=names, paths=paths))
        finished = None
        try:
            async with self.site.locks.update():
                finished = self._finish(await self._results(trigger, batches, only), started)
        finally:
            # On a stop, too: every begin line has its end line.
            if finished is None:
                finished = self._finish((_failed(self.site.name, self.given_up()),), started)
        return finished

    def _finish(self, results: tuple[Result, ...], started: float) -> CycleFinished:
        finished = CycleFinished(
            cycle=self.cycles,
            outcome=_outcome(results),
            duration_ms=(anyio.current_time() - started) * 1000,
            results=results,
        )
        self._publish(finished)
        return finished

    async def remember(self, only: Collection[str] | None = None) -> None:
        """Keep what was learned for the next run; no part of an update, for it may be lost at any time."""
        for keeper in self.keepers.values():
            if not keeper.dirty and (only is None or keeper.name in only):
                await to_thread.run_sync(partial(keeper.remember, editable=self.site.request.editable))

    async def _results(
        self, trigger: Trigger, batches: Mapping[str, Batch] | None, only: Collection[str] | None
    ) -> tuple[Result, ...]:
        try:
            await self.settings.take_up()
            made = await self.roster.ensure()
            for name in await self.roster.not_locked():
                self.warn_once(not_locked_warning(name))
        except (CycleFailed, Fatal, OSError) as error:
            for keeper in self.keepers.values():
                keeper.dirty = True
            return (_failed(self.site.name, reason_of(error, self.site.workspace.project)),)
        if self._unfinished:
            await self._finish_interrupted()
        due = {
            name: keeper
            for name, keeper in sorted(self.keepers.items())
            if (only is None or name in only) and (made.reason or batches is None or name in batches or keeper.dirty)
        }
        # Only a change of the tree is told by its own batch; all else may have to do with the installed side.
        trusting = trigger is Trigger.CHANGE and batches is not None and not self._unfinished
        found = await side_by_side(
            {
                name: partial(self._bring, keeper, (batches or {}).get(name), trusting=trusting, made=bool(made.reason))
                for name, keeper in due.items()
            },
            apart=self._are_nested,
            limit=os.cpu_count() or 1,
        )
        for name, before in made.before.items():
            if name in found and found[name].error is None:
                delta = record.delta(before, due[name].wheel_files())
                found[name] = replace(found[name], action=Action.REINSTALL, reason=made.reason, delta=delta)
        self._unfinished = any(result.error for result in found.values())
        try:
            return tuple((found | await self._handed_over(due)).values())
        except Fatal as error:
            return (*found.values(), _failed(self.site.name, reason_of(error, self.site.workspace.project)))

    async def _handed_over(self, due: Mapping[str, Keeper]) -> dict[str, Result]:
        """Hand those whose mode an update changed to a keeper of the other kind; what failed of that.

        It has seen nothing of what uv installed, nor of what that was made from: so it judges for itself.
        """
        failed: dict[str, Result] = {}
        for name, keeper in due.items():
            if keeper.distribution.editable != keeper.of_editable:
                await self.roster.adopt(keeper.env)
                if (heir := self.keepers.get(name)) is not None:
                    result = await self._bring(heir, None, trusting=False, made=False)
                    if result.error:
                        failed[name] = result
        return failed

    def _are_nested(self, one: str, other: str) -> bool:
        """Whether one tree lies in the other: what a build leaves there would be taken for the other's."""
        here, there = (self.keepers[name].distribution.root for name in (one, other))
        return is_below(here, there) or is_below(there, here)

    async def _finish_interrupted(self) -> None:
        """Finish what a killed run had marked, and throw away what it had only staged."""
        env = next((keeper.env for keeper in self.keepers.values()), None)
        try:
            if env is not None and await replay(env):
                log.info("update.finished_interrupted", environment=str(env.prefix))
        except CycleFailed as error:
            # uv's reinstall makes the rest of it void.
            log.warning("update.interrupted", reason=str(error))
            for keeper in self.keepers.values():
                keeper.distrusted = True

    @contextmanager
    def by(self, site: Site) -> Iterator[None]:
        """Work by other settings for the length of the body; what changed of the own is then read again."""
        own = self.site
        self.roster.take(site)
        try:
            yield
        finally:
            self.roster.take(own)
            self.roster.leave_out()
            self.settings.distrust()

    async def _bring(
        self, keeper: Keeper, batch: Batch | None, *, trusting: bool, made: bool, again: bool = False
    ) -> Result:
        """Make one distribution fresh; once more where the tree changed under a build that failed."""
        keeper.late = Batch()
        keeper.dirty = True
        if batch and "pyproject.toml" in batch.paths:
            keeper.resume()  # as the warning of a loop promises; what was saved of it, if anything, is of no account
        try:
            editable, judgement, by_uv = await self._judgement(keeper, trusting=trusting, made=made)
            if judgement.standing is not Standing.FRESH:
                log.info("update.started", distribution=keeper.name, reason=judgement.reason)
                done = await update(
                    keeper, self._workshop, judgement, editable=editable, by_uv=by_uv, on_line=self._on_line
                )
                self.roster.note(keeper)
                self._modes.changed(keeper)
                if warning := leftover_warning(keeper.name, keeper.purged, keeper.wheel_files()):
                    self.warn_once(warning)
            else:
                done = Update(action=Action.NONE, reason=judgement.reason)
        except (CycleFailed, Fatal, OSError) as error:
            if not again and isinstance(error, CycleFailed) and await self._changed_under(keeper):
                log.info("update.again", distribution=keeper.name, reason=str(error))
                return await self._bring(keeper, batch, trusting=trusting, made=made, again=True)
            return _failed(keeper.name, reason_of(error, self.site.workspace.project))
        keeper.dirty = False
        same = done.action is Action.NONE and batch and not batch.differs
        return Result(
            name=keeper.name, action=done.action, reason="same bytes" if same else done.reason, delta=done.delta
        )

    async def _changed_under(self, keeper: Keeper) -> bool:
        """Whether the tree changed while a build read it; if so, waits until it is quiet, up to ``settle-max``."""
        changed = (await keeper.look()).differs
        with anyio.move_on_after(self.site.config.settle_max):
            moving = changed
            while moving:
                await anyio.sleep(max(self.site.config.settle, _SHORTEST))
                moving = (await keeper.look()).differs
        return changed

    async def _judgement(self, keeper: Keeper, *, trusting: bool, made: bool) -> tuple[bool, Judgement, bool]:
        """The mode to keep, how the copy stands to the tree, and whether only uv can do what is to be done."""
        now = keeper.distribution.editable
        wanted = self._modes.wanted(keeper, self.site, now=anyio.current_time(), ours=made)
        if wanted and isinstance(keeper, EditableKeeper):
            self.warn_once(editable_warning(keeper))
        if wanted != now:
            there, shall = ("an editable install", "a copy") if now else ("a copy", "an editable install")
            reason = f"it is {there} and shall be {shall}"
            return wanted, Judgement(standing=Standing.STALE, reason=reason), True
        if self.site.request.reinstall:
            return now, Judgement(standing=Standing.STALE, reason="asked for by --reinstall"), True
        return now, await keeper.judge(trusting=trusting), False

    def warn_once(self, warning: Warned) -> None:
        """Tell a warning that was not told before."""
        if (warning.code, warning.distribution) not in self._told:
            self._told.add((warning.code, warning.distribution))
            self._publish(warning)

    async def look(self, hints: Hints) -> dict[str, Batch]:
        """Look at what was hinted; the batches of those distributions of which anything is another than before."""
        batches = {}
        for name, keeper in sorted(self.keepers.items()):
            if hints.everything:
                batches[name] = await keeper.look()
            elif where := keeper.concerned(hints.paths):
                batches[name] = await keeper.look(where)
            batches[name] = keeper.late | batches.get(name, Batch())
        return {name: batch for name, batch in batches.items() if batch}

    def postpone(self, batches: Mapping[str, Batch]) -> None:
        """Have the next look see again what the last one saw of these distributions."""
        for name, batch in batches.items():
            if name in self.keepers:
                self.keepers[name].late = batch

    async def changed_meanwhile(self) -> bool:
        """Whether a look during the last update, as at the end of each build, found what the update does not explain.

        What a build itself wrote into a tree is explained by the wheel, and is no change. What nobody looked at yet
        comes as a hint.
        """
        for keeper in self.keepers.values():
            if not keeper.dirty and keeper.unlearned() and await self._is_stale(keeper):
                self._loops.note(keeper, anyio.current_time())
                keeper.late = keeper.unlearned()
            else:
                self._loops.forget(keeper)
        return any(keeper.late for keeper in self.keepers.values())

    async def copies_changed(self, but: Collection[str]) -> bool:
        """Whether somebody else changed an installed copy: compared by signature, file by file.

        Args:
            but: the distributions that need not be asked, since their trees are others than before.
        """
        # What failed waits for a change: it is stale, and known to be.
        asked = [keeper for name, keeper in self.keepers.items() if name not in but and not keeper.dirty]
        return any([await self._is_stale(keeper) for keeper in asked])

    async def _is_stale(self, keeper: Keeper) -> bool:
        try:
            return (await keeper.judge()).standing is not Standing.FRESH
        except CycleFailed:
            return True  # what cannot be read is not known to be fresh: the next cycle says so

    async def environment_changed(self) -> bool:
        """Whether the environment holds other local distributions, or other copies, than after the last cycle."""
        return await to_thread.run_sync(self.roster.was_changed)


def _failed(name: str, error: CycleFailed) -> Result:
    return Result(name=name, action=Action.NONE, reason="", error=failure_of(error))


STOPPED = CycleFailed(FailureKind.ENVIRONMENT, "ended before the update was over")


def _outcome(results: tuple[Result, ...]) -> Outcome:
    if any(result.error for result in results):
        return Outcome.FAILED
    return Outcome.UPDATED if any(result.delta for result in results) else Outcome.UNCHANGED
