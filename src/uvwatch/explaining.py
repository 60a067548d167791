"""``uvwatch explain``: which rule decides about a path, asked of the same rules that the daemon runs by."""

import os
import sys
from contextlib import suppress
from pathlib import Path

import structlog
from anyio import to_thread

from uvwatch.core.explain import ON_CHANGE, Explained, Role, role_of
from uvwatch.errors import CycleFailed, Fatal
from uvwatch.keeping.keeper import Keeper
from uvwatch.keeping.roster import Roster
from uvwatch.keeping.site import Request, declared_by, find_site
from uvwatch.keeping.updating import build
from uvwatch.keeping.workshop import Workshop
from uvwatch.serving.escape import escaped
from uvwatch.serving.jsonlines import to_line
from uvwatch.serving.stream import OutLines, StdoutClosed, sink_of
from uvwatch.signals import stopped_by_signals
from uvwatch.watching.ignores import GitIgnores

log = structlog.get_logger()


async def explain(request: Request, paths: tuple[str, ...], *, as_json: bool) -> bool:
    """Print what each path is, and why; whether all of them are known.

    Raises:
        Fatal: there is no environment to explain by, or the build that it takes failed.
    """
    found: list[Explained | str] = []
    async with stopped_by_signals() as stop:
        site = find_site(request)
        async with Workshop(site) as workshop, site.locks.update():
            roster = Roster(site, lambda _line: None)
            await roster.open()
            await _learn(roster, workshop)
            found = [await _explain(roster, path) for path in map(_absolute, paths)]
    if stop.signal is not None:
        raise Fatal("stopped before all was explained", exit_code=128 + stop.signal)
    out = OutLines(sink_of(sys.stdout))
    with suppress(StdoutClosed):
        for each in found:
            if isinstance(each, str):
                log.error("path.unknown", path=each, message="no such file, and none of a local distribution")
            else:
                for line in [to_line(_object(each))] if as_json else _lines(each):
                    out.line(line)
    return not any(isinstance(each, str) for each in found)


async def _learn(roster: Roster, workshop: Workshop) -> None:
    """Build what was never built: only then it is known what the wheel carries."""
    for keeper in roster.keepers.values():
        if keeper.learned is None and not keeper.distribution.editable:
            try:
                await build(keeper, workshop, lambda line: log.debug("build.output", line=line))
            except CycleFailed as error:
                raise Fatal(f"the build that would tell failed: {error}") from error
            keeper.remember()


def _absolute(path: str) -> str:
    return os.path.abspath(path)  # noqa: PTH100 - resolve() would follow symbolic links


def _exists(path: str) -> bool:
    return os.path.lexists(path)


async def _explain(roster: Roster, path: str) -> Explained | str:
    """Explain an absolute path; the path itself where nothing is known of it."""
    keepers = roster.keepers.values()
    for keeper in keepers:
        installed = Path(path)
        if installed.is_relative_to(keeper.env.purelib):
            return await _installed(keeper, installed)
    owners = [keeper for keeper in keepers if Path(path).is_relative_to(keeper.distribution.root)]
    if not owners:
        return path
    keeper = max(owners, key=lambda each: len(each.distribution.root))
    relative = Path(path).relative_to(keeper.distribution.root).as_posix()
    if not _exists(path) and relative not in keeper.contents:
        return path
    return await _of_the_tree(keeper, relative)


async def _of_the_tree(keeper: Keeper, path: str) -> Explained:
    directory, _, name = path.rpartition("/")
    ignored = await to_thread.run_sync(GitIgnores(keeper.distribution.root).ignored, directory, name)
    role, rule, places = role_of(
        path,
        rules=keeper.rules,
        learned=keeper.learned,
        build_inputs=declared_by(keeper.distribution).build_inputs,
        git_ignored=ignored,
    )
    files, now = keeper.wheel_files(), keeper.contents.get(path)
    return Explained(
        path=path,
        role=role,
        rule=rule,
        distribution=keeper.name,
        installed=places,
        fresh=all(files.get(place) == now for place in places) if places else None,
        on_change=ON_CHANGE[role],
    )


async def _installed(keeper: Keeper, path: Path) -> Explained | str:
    """Explain a file in the environment: one of the wheel's by its source, else a foreign one."""
    relative = path.relative_to(keeper.env.purelib).as_posix()
    copy = await keeper.read_installed()
    if relative in copy.record:
        source = keeper.learned.origins.source(relative, keeper.contents) if keeper.learned else None
        if source is not None:
            return await _of_the_tree(keeper, source)
        return Explained(
            path=relative,
            role=Role.SOURCE if keeper.distribution.editable else Role.BUILD_INPUT,
            rule="RECORD names it, and no file of the tree has its bytes: the build makes it",
            distribution=keeper.name,
            installed=(relative,),
            on_change="nothing: it is made anew by the next build",
        )
    if not _exists(str(path)) or relative.partition("/")[0] not in {each.partition("/")[0] for each in copy.record}:
        return str(path)
    return Explained(
        path=relative,
        role=Role.FOREIGN,
        rule="it lies in the installed package, and RECORD does not name it",
        distribution=keeper.name,
        on_change=ON_CHANGE[Role.FOREIGN],
    )


def _object(each: Explained) -> dict[str, object]:
    return {
        "schema": 1,
        "path": each.path,
        "role": each.role.value,
        "rule": each.rule,
        "distribution": each.distribution,
        "installed": list(each.installed),
        "fresh": each.fresh,
        "on_change": each.on_change,
    }


def _lines(each: Explained) -> list[str]:
    state = {True: " (fresh)", False: " (stale)", None: ""}[each.fresh]
    return [
        escaped(line)
        for line in (
            f"{each.path}: {each.role.value} of {each.distribution}",
            f"  rule: {each.rule}",
            f"  installed: {', '.join(each.installed) or 'nowhere'}{state}",
            f"  on change: {each.on_change}",
        )
    ]
