"""The commands that do their work once and end: ``sync`` and ``check``.

They use the same keepers as the daemon, under the same lock, and know nothing of events.
"""

import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import anyio
import structlog
from anyio import to_thread

from uvwatch.advice import Advice
from uvwatch.core.model import CycleFinished, Event, Outcome, Stale, Trigger, Warned, Why
from uvwatch.core.plan import Standing
from uvwatch.display import LAST_WORDS, Display, display_for, tell_passed_over
from uvwatch.errors import CycleFailed, FailureKind, Fatal
from uvwatch.hooks import Hooks
from uvwatch.keeping.keeper import Keeper
from uvwatch.keeping.reasons import failure_of, reason_of
from uvwatch.keeping.site import Request, Site, find_site, for_once
from uvwatch.keeping.updating import build
from uvwatch.keeping.workshop import Workshop
from uvwatch.lockcheck import LockCheck
from uvwatch.pipeline import STOPPED, Pipeline, Publish
from uvwatch.project.environment import open_environment
from uvwatch.project.pyproject import BrokenPyproject
from uvwatch.project.workspace import find_project
from uvwatch.serving.check import CheckedDistribution, CheckReport, check_lines, check_object
from uvwatch.serving.jsonlines import event_object, to_line
from uvwatch.serving.report import Reporter, utc_now
from uvwatch.serving.stream import OutLines, StdoutClosed, sink_of
from uvwatch.signals import stopped_by_signals
from uvwatch.tasks import background

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class OneObject:
    """``sync --json``: the last ``cycle.finished`` alone; warnings go to the log."""

    out: OutLines

    def publish(self, event: Event) -> None:
        """Print the object of a finished cycle."""
        if isinstance(event, Warned):
            log.warning("warning", code=event.code.value, message=event.message, remedy=event.remedy)
        if isinstance(event, CycleFinished):
            self.out.line(to_line(event_object(event, utc_now())))


@dataclass(frozen=True, slots=True)
class Unread:
    """Goes on when nobody reads stdout any more: the work of ``sync`` counts, not its lines."""

    reporter: Reporter

    def publish(self, event: Event) -> None:
        """Tell one event, if anybody listens."""
        with suppress(StdoutClosed):
            self.reporter.publish(event)


async def sync(request: Request, *, timeout: float, left: float, as_json: bool, color: str) -> int:  # noqa: ASYNC109 - the option
    """Make everything that was saved before the call installed.

    Args:
        request: what the command line asked for.
        timeout: seconds after which it was to give up, as asked for.
        left: how many of them are left.
        as_json: print one ``cycle.finished`` object in place of the lines.
        color: ``auto``, ``always`` or ``never``.

    Returns:
        the exit status: 0 fresh, 1 failed or timed out, 128 and more for a signal.

    Raises:
        Fatal: there is nothing to sync, or no way to.
    """
    site = for_once(await to_thread.run_sync(find_site, request))
    tell_passed_over(site.uv)
    display = display_for(request, as_json=as_json, color=color, json=OneObject)
    hooks = Hooks(lambda: site.config, project=site.workspace.project, environ=site.environ)
    unread = Unread(display)

    def publish(event: Event) -> None:
        unread.publish(event)
        hooks.publish(event)

    late = CycleFailed(FailureKind.TIMEOUT, f"not fresh within {timeout:g} s")
    finished: CycleFinished | None = None
    wait: float | None = LAST_WORDS
    try:
        async with stopped_by_signals() as stop:
            with anyio.move_on_after(left) as patience:
                finished = await _once(site, display, publish, lambda: late if patience.cancel_called else STOPPED)
            await hooks.finish()
        # Who has done its work waits for its reader, as any program; from here on a signal ends it at once.
        wait = None if stop.signal is None else LAST_WORDS
    finally:
        display.close()
        display.finish(wait)
    if stop.signal is not None:
        return 128 + stop.signal
    if patience.cancelled_caught:
        log.error("sync.timeout", seconds=timeout, message=f"{late}; see --timeout")
    return 0 if finished is not None and finished.outcome is not Outcome.FAILED else 1


async def _once(site: Site, display: Display, publish: Publish, given_up: Callable[[], CycleFailed]) -> CycleFinished:
    async with Workshop(site) as workshop, background() as tasks:
        pipeline = Pipeline(site, publish, workshop, display.output)
        pipeline.given_up = given_up
        tasks.start_soon(_show, display)
        await pipeline.roster.open()
        finished = await pipeline.cycle(Trigger.SYNC)
        await pipeline.remember()
        await Advice(Unread(display).publish).tell(pipeline.keepers.values(), Trigger.SYNC)
        await LockCheck(pipeline.roster, Unread(display).publish).run()
    return finished


async def _show(display: Display) -> None:
    with suppress(StdoutClosed):
        await display.run()


async def check(request: Request, *, as_json: bool) -> bool | None:
    """Say whether the installed copies are what a build of the tree would install; None if it could not be found out.

    Raises:
        Fatal: there is no project to check.
    """
    report = CheckReport(fresh=None, environment="")
    async with stopped_by_signals() as stop:
        report = await _report(request)
    if stop.signal is not None:
        raise Fatal("stopped before the check was over", exit_code=128 + stop.signal)
    out = OutLines(sink_of(sys.stdout))
    with suppress(StdoutClosed):
        for line in [to_line(check_object(report))] if as_json else check_lines(report):
            out.line(line)
    return report.fresh


async def _report(request: Request) -> CheckReport:
    environment = ""
    checked: list[CheckedDistribution] = []
    try:
        site = for_once(find_site(request))
        environment = str(site.prefix)
        await to_thread.run_sync(open_environment, site.prefix)
        async with Workshop(site) as workshop, site.locks.update():
            pipeline = Pipeline(site, lambda _event: None, workshop)
            await pipeline.roster.open()
            _require_installed(pipeline)
            lock = await to_thread.run_sync(pipeline.roster.lock_digest)
            for _name, keeper in sorted(pipeline.keepers.items()):
                checked.append(await _check(keeper, workshop, lock))
    except CycleFailed as error:
        return CheckReport(fresh=None, environment=environment, error=failure_of(error), distributions=tuple(checked))
    except Fatal as error:
        project = find_project(request.project) if isinstance(error, BrokenPyproject) else request.project
        failure = failure_of(reason_of(error, project))
        return CheckReport(fresh=None, environment=environment, error=failure, distributions=tuple(checked))
    fresh = bool(checked) and all(each.fresh for each in checked)
    return CheckReport(fresh=fresh, environment=environment, distributions=tuple(checked))


def _require_installed(pipeline: Pipeline) -> None:
    site = pipeline.site
    pipeline.roster.refuse_misplaced()
    wanted = site.packages or ((site.name,) if site.installs_project else ())
    absent = sorted({*wanted} - pipeline.keepers.keys())
    if absent:
        raise Fatal(f"{absent[0]} is not installed in {site.prefix}: run `uvwatch sync`")


async def _check(keeper: Keeper, workshop: Workshop, lock: str) -> CheckedDistribution:
    judgement = await keeper.judge()
    if not judgement.complete:
        log.info("build.started", distribution=keeper.name, reason=judgement.reason)
        await build(keeper, workshop, lambda line: log.debug("build.output", line=line))
        judgement = await keeper.judge()
    stale = judgement.stale
    if keeper.lock not in (None, lock):
        stale = (*stale, Stale(path="uv.lock", source="uv.lock", why=Why.DEPENDENCIES))
    keeper.lock = keeper.lock or lock
    keeper.remember()
    return CheckedDistribution(
        name=keeper.name,
        root=keeper.distribution.root,
        editable=keeper.distribution.editable,
        fresh=judgement.standing is Standing.FRESH and not stale,
        stale=stale,
    )
