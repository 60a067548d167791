"""``uvwatch doctor``: looks at everything that the job depends on, one thing after the other, as far as each lets it.

What cannot be had is one finding, and what depends on it is not looked at. It changes nothing but what a build does;
what is a fault is judged here and in ``core.findings``.
"""

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

import structlog
from anyio import to_thread

from uvwatch.advice import first_on_path, foreign_remedy, foreign_sentence
from uvwatch.core.building import build_system, by_setuptools
from uvwatch.core.config import load, own_table
from uvwatch.core.findings import Code, Finding, Severity, build_leftovers, limits, shadowing
from uvwatch.core.model import Distribution, Event, Warned
from uvwatch.errors import CycleFailed, Fatal
from uvwatch.installing.uv import NoUv, Uv, find_uv
from uvwatch.keeping.carried import left_out
from uvwatch.keeping.keeper import Keeper
from uvwatch.keeping.reasons import absence
from uvwatch.keeping.roster import Roster
from uvwatch.keeping.site import Request, find_site
from uvwatch.keeping.updating import build
from uvwatch.keeping.workshop import Workshop
from uvwatch.lockcheck import LockCheck
from uvwatch.project.environment import Absence, Environment, NoEnvironment, locate, open_environment
from uvwatch.project.foreign import find_foreign
from uvwatch.project.installed import local_distributions, read_installed
from uvwatch.project.lock import NoLock, locked
from uvwatch.project.misplaced import find_misplaced
from uvwatch.project.pyproject import BrokenPyproject, is_package, project_name, read_if_there
from uvwatch.project.workspace import Workspace, find
from uvwatch.serving.found import finding_lines, finding_object
from uvwatch.serving.jsonlines import to_line
from uvwatch.serving.stream import OutLines, StdoutClosed, sink_of
from uvwatch.signals import stopped_by_signals
from uvwatch.watching.limits import read_limits
from uvwatch.watching.mounts import eventless

PROC = Path("/proc")

FindUv = Callable[[Mapping[str, str]], Uv]

log = structlog.get_logger()


async def doctor(request: Request, *, as_json: bool) -> bool:
    """Print every finding with its remedy; whether none of them breaks the job."""
    examination = Examination(request)
    async with stopped_by_signals() as stop:
        await examination.run()
    if stop.signal is not None:
        raise Fatal("stopped before all was looked at", exit_code=128 + stop.signal)
    found = sorted(examination.found, key=lambda each: [*Severity].index(each.severity))
    out = OutLines(sink_of(sys.stdout))
    with suppress(StdoutClosed):
        for line in [to_line(finding_object(each)) for each in found] if as_json else finding_lines(found):
            out.line(line)
    return not any(each.severity is Severity.BREAKS for each in found)


class Examination:
    """One look at everything; ``found`` grows as it goes."""

    def __init__(self, request: Request, *, proc: Path = PROC, find: FindUv = find_uv) -> None:
        """Prepare; ``proc`` is where the kernel tells of itself, and ``find`` finds uv."""
        self.found: list[Finding] = []
        self._request = request
        self._proc = proc
        self._find_uv = find

    async def run(self) -> None:
        """Look at all that can be looked at."""
        has_uv = await to_thread.run_sync(self._uv)
        workspace = await to_thread.run_sync(self._project)
        if workspace is None:
            return
        env = await to_thread.run_sync(self._environment, workspace)
        if env is None:
            return
        distributions = await to_thread.run_sync(self._installed, workspace, env)
        sound = not any(each.severity is Severity.BREAKS for each in self.found)
        if has_uv and sound and distributions:
            try:
                await self._trees()
            except Fatal as error:
                self._broken(error)

    def _tell(self, code: Code, severity: Severity, message: str, remedy: str) -> None:
        self.found.append(Finding(code=code, severity=severity, message=message, remedy=remedy))

    def _broken(self, error: Fatal, code: Code = Code.SETTINGS_INVALID) -> None:
        """Tell what a file of the user's makes impossible."""
        code = Code.PYPROJECT_BROKEN if isinstance(error, BrokenPyproject) else code
        elsewhere = ", or name the directory of a project by `--project`" if code is Code.NO_PROJECT else ""
        self._tell(code, Severity.BREAKS, str(error), f"mend it{elsewhere}, and ask again")

    def _uv(self) -> bool:
        try:
            uv = self._find_uv(self._request.environ)
        except NoUv as error:
            code = Code.UV_TOO_OLD if error.passed_over else Code.UV_MISSING
            message, _, remedy = str(error).rpartition(": ")
            self._tell(code, Severity.BREAKS, message, remedy)
            return False
        remedy = "upgrade it (`uv self update`), or take it out of UV and PATH"
        for each in uv.passed_over:
            self._tell(Code.UV_PASSED_OVER, Severity.NOTE, f"{each}: {uv.path} is used", remedy)
        return True

    def _project(self) -> Workspace | None:
        """Find the project, its settings and its lock."""
        try:
            workspace = find(self._request.project)
        except Fatal as error:
            self._broken(error, Code.NO_PROJECT)
            return None
        where = str(workspace.root / "pyproject.toml")
        if is_package(workspace.pyproject) and project_name(workspace.pyproject) is None:
            own = workspace.project / "pyproject.toml"
            self._tell(Code.PYPROJECT_BROKEN, Severity.BREAKS, f"{own} has no project.name", "give it one")
            return None
        try:
            load(own_table(workspace.root_pyproject, where=where), self._request.environ, {}, where=where)
        except Fatal as error:
            self._broken(error)
        try:
            locked(workspace.root)
        except NoLock:
            self._tell(Code.LOCK_MISSING, Severity.BREAKS, f"no uv.lock in {workspace.root}", "run `uv lock`")
        except Fatal as error:
            self._tell(Code.LOCK_BROKEN, Severity.BREAKS, str(error), "run `uv lock`")
        return workspace

    def _environment(self, workspace: Workspace) -> Environment | None:
        environ = self._request.environ
        try:
            prefix = locate(workspace, environ, environment=self._request.environment, active=self._request.active)
            env = open_environment(prefix)
        except NoEnvironment as absent:
            missing = absent.absence in (Absence.MISSING, Absence.EMPTY)
            what, remedy = absence(absent)
            code = Code.ENVIRONMENT_MISSING if missing else Code.ENVIRONMENT_BROKEN
            self._tell(code, Severity.BREAKS, what, remedy)
            return None
        except Fatal as error:
            self._broken(error, Code.ENVIRONMENT_BROKEN)
            return None
        active = environ.get("VIRTUAL_ENV")
        if active and os.path.realpath(active) != os.path.realpath(prefix):
            self._tell(
                Code.NOT_THE_PROJECTS,
                Severity.NOTE,
                f"VIRTUAL_ENV names {active}, and this project's environment is {prefix}",
                "deactivate the other, or use --active if it is meant",
            )
        if not env.has_pyvenv_cfg:
            self._tell(
                Code.ONLY_BY_UV,
                Severity.NOTE,
                f"{prefix} has no pyvenv.cfg, so every update is a reinstall by uv",
                "a virtual environment (`uv venv`) is updated in place, in milliseconds",
            )
        return env

    def _installed(self, workspace: Workspace, env: Environment) -> tuple[Distribution, ...]:
        """Look at what is installed of the project, and how."""
        found = local_distributions(env)
        name = project_name(workspace.pyproject)
        own = next((each for each in found if each.name == name), None)
        if own is None and is_package(workspace.pyproject):
            self._tell(
                Code.NOT_INSTALLED, Severity.BREAKS, f"{name} is not installed in {env.prefix}", "run `uvwatch sync`"
            )
        elif own is None and not found:
            self._tell(
                Code.NOT_A_PACKAGE,
                Severity.BREAKS,
                f"{workspace.project / 'pyproject.toml'} has no [build-system], so uv installs nothing of this project",
                "add one (`uv init --package` shows how), or name a member with --project",
            )
        with suppress(Fatal):  # told already
            for moved in find_misplaced(found, workspace, partial(locked, workspace.root)):
                self._tell(
                    Code.INSTALLED_FROM_ELSEWHERE,
                    Severity.BREAKS,
                    moved.sentence(env.prefix),
                    "run `uvwatch sync` here, or name the right environment with --environment",
                )
        for each in found:
            self._distribution(workspace, env, each)
        return found

    def _distribution(self, workspace: Workspace, env: Environment, distribution: Distribution) -> None:
        name, root = distribution.name, distribution.root
        with suppress(Fatal):  # told already
            if name not in locked(workspace.root):
                self._tell(
                    Code.NOT_LOCKED,
                    Severity.NOTE,
                    f"uv.lock does not know {name}, so `uv sync` removes it",
                    "add it (`uv add --editable PATH`), or keep to `uv sync --inexact`",
                )
        if distribution.editable:
            self._tell(
                Code.EDITABLE_INSTALL,
                Severity.NOTE,
                f"{name} is installed editable: Python reads the files of {root} directly",
                "`uvwatch sync --no-editable` makes a real copy",
            )
        else:
            self._copy(workspace, env, distribution)
        if kind := eventless(self._mountinfo(), os.path.realpath(root)):
            self._tell(
                Code.POLLING,
                Severity.HURTS,
                f"{root} lies on a file system that sends no events ({kind}): it is polled",
                'move the project to a local disk, or set polling = "never" to rely on the audit alone',
            )
        with suppress(BrokenPyproject):  # the build says so
            if by_setuptools(build_system(read_if_there(Path(root, "pyproject.toml")) or {})):
                tree = set(_files(Path(root)))
                left = (each.partition("/")[2].partition("/")[2] for each in tree if each.startswith("build/lib"))
                self._add(build_leftovers(name, left, tree))

    def _copy(self, workspace: Workspace, env: Environment, distribution: Distribution) -> None:
        name, root = distribution.name, Path(distribution.root)
        copy = read_installed(env, distribution)
        if not copy.whole or copy.missing:
            what = f"lacks {copy.missing[0]}" if copy.missing else "has no valid RECORD"
            self._tell(
                Code.COPY_BROKEN,
                Severity.HURTS,
                f"the installed copy of {name} {what}",
                "run `uvwatch sync --reinstall`",
            )
        self._add(shadowing(name, str(root), copy.record, _importable(root)))
        foreign = find_foreign(env, distribution)
        if foreign.files:
            first = first_on_path(str(root), None, foreign, workspace.project)
            self._tell(
                Code.WRITTEN_TO_INSTALLED_COPY,
                Severity.HURTS,
                foreign_sentence(name, foreign, ()),
                foreign_remedy(foreign, first),
            )

    def _add(self, finding: Finding | None) -> None:
        if finding is not None:
            self.found.append(finding)

    def _mountinfo(self) -> str:
        try:
            return (self._proc / "self" / "mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
        except OSError:
            return ""  # no Linux

    async def _trees(self) -> None:
        """Look at the trees as the daemon would: how many watches they need, and what their builds leave out."""
        site = await to_thread.run_sync(find_site, self._request)
        async with Workshop(site) as workshop, site.locks.update():
            roster = Roster(site, lambda _line: None)
            await roster.open()
            await LockCheck(roster, self._take).run()
            for keeper in roster.keepers.values():
                if not keeper.distribution.editable:
                    await self._build(keeper, workshop)
        needed = sum(keeper.directories for keeper in roster.keepers.values())
        uid = os.getuid()
        inotify = await to_thread.run_sync(lambda: read_limits(self._proc, uid=uid))
        self.found.extend(limits(inotify, needed))

    async def _build(self, keeper: Keeper, workshop: Workshop) -> None:
        """Ask the backend what it leaves out, by a build where the last one does not tell."""
        if not (await keeper.judge()).complete:
            try:
                await build(keeper, workshop, lambda line: log.debug("build.output", line=line))
            except CycleFailed as error:
                self._tell(
                    Code.BUILD_FAILS,
                    Severity.BREAKS,
                    f"{keeper.name} cannot be built: {error}",
                    "mend what the build complains about: `uv build --wheel` shows all of it",
                )
                return
            keeper.remember()
        for each in await to_thread.run_sync(left_out, keeper):
            self._tell(Code.ARTIFACT_DROPPED, Severity.HURTS, each.sentence, each.carrying.sentence)

    def _take(self, event: Event) -> None:
        if isinstance(event, Warned):
            self._tell(Code(event.code.value), Severity.HURTS, event.message, event.remedy)


def _importable(root: Path) -> frozenset[str]:
    """What Python can import from a directory: packages, with an ``__init__.py`` or without, and modules."""
    try:
        entries = list(root.iterdir())
    except OSError:
        return frozenset()
    return frozenset(each.name for each in entries if each.suffix == ".py" or any(each.glob("*.py")))


def _files(root: Path) -> Iterable[str]:
    """The files of a tree relative to it, without what lies in hidden directories."""
    for directory, directories, names in os.walk(root):
        directories[:] = [each for each in directories if not each.startswith(".") and each != "node_modules"]
        for name in names:
            yield os.path.relpath(os.path.join(directory, name), root)  # noqa: PTH118 - thousands of them
