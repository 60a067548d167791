"""One distribution and its installed copy: what both hold now, and what the last build taught of the two.

A keeper looks (tree and environment, read only), judges (``core.plan``), asks the backend by a build aside, and has uv
reinstall. It decides nothing by itself, and it knows neither events nor the other distributions.
"""

import tempfile
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import structlog
from anyio import CancelScope, to_thread

from uvwatch.core import record
from uvwatch.core.model import Batch, Content, Delta, Distribution, Files, Known
from uvwatch.core.origins import learn
from uvwatch.core.patterns import decide
from uvwatch.core.plan import Judgement, Learned, Standing, difference, judge
from uvwatch.core.rules import Rules
from uvwatch.errors import CycleFailed, FailureKind
from uvwatch.installing import leftovers
from uvwatch.installing.build import build_wheel
from uvwatch.installing.bytecode import compile_changed
from uvwatch.installing.memory import Memory
from uvwatch.installing.uv import reinstall_command, run_uv
from uvwatch.installing.wheel import generated_scripts, read_wheel
from uvwatch.keeping.site import STATE, Site, rules_for
from uvwatch.project.environment import Environment, open_environment
from uvwatch.project.installed import InstalledCopy, local_distributions, read_installed
from uvwatch.project.lock import locked
from uvwatch.project.pyproject import compiles_bytecode
from uvwatch.watching.contents import contents
from uvwatch.watching.places import Places, places
from uvwatch.watching.scan import scan
from uvwatch.watching.tree import Problem, Tree
from uvwatch.watching.tree import difference as tree_difference

OnLine = Callable[[str], None]

log = structlog.get_logger()


def mark(env: Environment, distribution: Distribution) -> object:
    """What changes whenever somebody installs: which file RECORD is, and when it was written; None without one."""
    try:
        found = (env.purelib / distribution.dist_info / "RECORD").stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_ctime_ns


class Keeper:
    """Keeps one installed copy; for an editable install see ``editable.EditableKeeper``."""

    def __init__(
        self, site: Site, env: Environment, distribution: Distribution, others: tuple[Distribution, ...]
    ) -> None:
        self.site = site
        self.env = env
        self.distribution = distribution
        self._others = others
        self._memory = site.store.load(distribution.name, distribution.root)
        self.learned = None if site.request.reinstall else self._memory.learned
        self.tree: Tree | None = None
        self.problems: tuple[Problem, ...] = ()
        self._rules: Rules | None = None
        self._known: dict[str, Known] = dict(self._memory.tree)
        self._installed: dict[str, Known] = dict(self._memory.installed)
        self.dirty = False
        self.late = False
        self._looked = False

    @property
    def name(self) -> str:
        """The distribution's normalised name."""
        return self.distribution.name

    @property
    def contents(self) -> Files:
        """What the tree held at the last look."""
        return {path: known.content for path, known in self._known.items()}

    @property
    def lock(self) -> str | None:
        """The digest of uv.lock that the environment was last made from, if it is known."""
        return self._memory.lock

    @property
    def first_seen_editable(self) -> bool:
        """The mode in which uvwatch first saw this distribution in this environment."""
        return self.distribution.editable if self._memory.editable is None else self._memory.editable

    def fits(self, env: Environment, distribution: Distribution) -> bool:
        """Whether this keeper can go on with what is installed now; if so, it does."""
        same = (self.distribution.root, self.distribution.editable) == (distribution.root, distribution.editable)
        if same and self.env.prefix == env.prefix:
            self.env, self.distribution = env, distribution
            return True
        return False

    def concerned(self, paths: Iterable[str]) -> Places:
        """Where this tree has to be looked at again after events on absolute paths."""
        return places(self.distribution.root, self.tree or Tree(), paths)

    @property
    def directories(self) -> int:
        """How many directories of the tree are looked at."""
        return len(self.tree.directories) if self.tree is not None else 1

    def take(self, site: Site) -> None:
        """Go on with changed settings."""
        self.site = site
        self.forget_rules()

    async def look(self, where: Places | None = None) -> Batch:
        """Scan the tree, or the named places of it, and say what is another than at the last look.

        Raises:
            Fatal: the distribution's own pyproject.toml cannot be read.
        """
        return await to_thread.run_sync(self._look, where)

    def _look(self, where: Places | None) -> Batch:
        before, held = self.tree, self.contents
        if self._rules is None or before is None:
            self._rules = rules_for(self.site, self.distribution, self._packages(), self._others)
            where = None
        root = self.distribution.root
        if where is None:
            self.tree = scan(root, self._rules)
        else:
            self.tree = scan(root, self._rules, before=before, only=where.only, whole=where.whole)
        read = contents(root, self.tree, self._known)
        self._known = dict(read.known)
        self.problems = (*self.tree.problems, *read.problems)
        if before is None:
            return Batch()
        added, changed, removed = tree_difference(before, self.tree)
        return difference(held, self.contents, seen=(*added, *changed, *removed))

    def _packages(self) -> frozenset[str]:
        """Directories that carry files of the wheel: learned, or guessed from the names of what is installed."""
        if self.learned is not None:
            return self.learned.origins.packages()
        tops = {path.partition("/")[0] for path in self._installed if "/" in path and not record.in_dist_info(path)}
        return frozenset(f"{where}{top}" for top in tops - {".."} for where in ("", "src/"))

    def forget_rules(self) -> None:
        """Have the rules made anew at the next look: the settings changed, or what is known of the packages."""
        self._rules = None

    async def judge(self) -> Judgement:
        """Compare, without a build.

        Raises:
            CycleFailed: the installed copy is there and cannot be read.
        """
        copy = await self.read_installed()
        if not copy.whole:
            return Judgement(standing=Standing.STALE, reason="the installed copy has no valid RECORD")
        return judge(self.learned, self.contents, self.wheel_files())

    async def ask(self, on_line: OnLine) -> Judgement:
        """Build a wheel aside, learn from it, and compare.

        Raises:
            CycleFailed: the build failed.
        """
        await self._build(on_line)
        return judge(self.learned, self.contents, self.wheel_files())

    async def _build(self, on_line: OnLine) -> None:
        root = self.distribution.root
        before = await to_thread.run_sync(leftovers.names, root)
        try:
            with tempfile.TemporaryDirectory(prefix="uvwatch-") as directory:
                path = await build_wheel(
                    self.site.uv,
                    root,
                    out_dir=directory,
                    python=str(self.env.python),
                    workspace=self.site.workspace.root,
                    environ=self.site.environ,
                    timeout=self.site.config.build_timeout,
                    on_line=on_line,
                )
                reading = partial(read_wheel, path, prefix=self.env.prefix, purelib=self.env.purelib)
                wheel = await to_thread.run_sync(reading)
        finally:
            with CancelScope(shield=True):
                await to_thread.run_sync(self._clean, before)
        held, scripts = self.contents, generated_scripts(wheel, prefix=self.env.prefix, purelib=self.env.purelib)
        origins = await to_thread.run_sync(learn, wheel.files, held)
        self.learned = Learned(
            tree=held,
            wheel={**wheel.files, **dict.fromkeys(scripts, Content("", executable=True))},
            origins=origins,
            rewritten=wheel.rewritten | scripts,
        )
        self._renew_rules()

    def _clean(self, before: frozenset[str]) -> None:
        """Take away what the build left in the tree; a declared artifact may be a generator's, and stays."""
        patterns = tuple(artifact.pattern for artifact in self._rules.artifacts) if self._rules else ()
        cleanup = leftovers.remove(
            self.distribution.root,
            before,
            self.site.prefix / STATE / "left-by-builds",
            keep=lambda path: decide(patterns, path).include is True,
        )
        if cleanup:
            log.info("build.leftovers", distribution=self.name, deleted=cleanup.deleted, moved=cleanup.moved)

    async def reinstall(self, *, editable: bool, on_line: OnLine) -> Delta:
        """Have uv reinstall this distribution alone, and verify what it left.

        Raises:
            CycleFailed: uv failed, or what is installed now is not whole.
        """
        before, old = self.wheel_files(), mark(self.env, self.distribution)
        snapshot = self.contents
        command = reinstall_command(
            self.site.uv,
            self.distribution,
            locked=self.name in locked(self.site.workspace.root),
            editable=editable,
            root=self.site.workspace.root,
            env=self.env,
            environ=self.site.environ,
        )
        await run_uv(
            command,
            timeout=self.site.config.build_timeout,
            on_line=on_line,
            safe_to_kill=self._whole,
            root=Path(self.distribution.root),
        )
        await self._find_again()
        copy = await self.read_installed()
        self._verify(copy, old)
        after = self.wheel_files()
        origins = await to_thread.run_sync(learn, after, snapshot)
        self.learned = Learned(tree=snapshot, wheel=after, origins=origins)
        self._renew_rules()
        delta = record.delta(before, after)
        await self._compile(delta)
        return delta

    def _verify(self, copy: InstalledCopy, old: object) -> None:
        """Hold what is installed against RECORD, byte for byte.

        Raises:
            CycleFailed: it is not what RECORD says, or uv left the old copy.
        """
        wrong = [
            path
            for path, row in copy.record.items()
            if path in copy.files and row.digest not in ("", copy.files[path].content.digest)
        ]
        if not copy.whole or copy.missing or wrong:
            what = (*copy.missing, *wrong)
            raise CycleFailed(
                FailureKind.ENVIRONMENT,
                f"after uv's reinstall {self.name} is not whole ({', '.join(what[:3]) or 'RECORD'}):"
                f" does another program change {self.env.prefix}?",
            )
        if old == mark(self.env, self.distribution):
            raise CycleFailed(FailureKind.UV, f"uv did not reinstall {self.name}: run `uv lock`, then `uvwatch sync`")

    async def _find_again(self) -> None:
        self.env = await to_thread.run_sync(open_environment, self.site.prefix)
        found = next((each for each in local_distributions(self.env) if each.name == self.name), None)
        if found is None:
            raise CycleFailed(
                FailureKind.ENVIRONMENT, f"{self.name} is not in {self.env.prefix} any more: run `uv sync`"
            )
        self.distribution = found

    async def _compile(self, delta: Delta) -> None:
        if not compiles_bytecode(self.site.config, self.site.workspace.root_pyproject, self.site.environ):
            return
        changed = [str(self.env.purelib / path) for path in (*delta.added, *delta.changed) if path.endswith(".py")]
        await compile_changed(str(self.env.python), changed)

    async def read_installed(self) -> InstalledCopy:
        """Read the installed copy; only what changed since it was last read is opened.

        Raises:
            CycleFailed: a file of it is there and cannot be read.
        """
        try:
            copy = await to_thread.run_sync(read_installed, self.env, self.distribution, self._installed)
        except OSError as error:
            raise CycleFailed(FailureKind.IO, f"{error.filename}: {error.strerror}") from error
        self._installed = dict(copy.files)
        return copy

    def wheel_files(self) -> dict[str, Content]:
        """What is installed of the wheel, as last read: without what the installer wrote by itself."""
        return record.of_the_wheel({path: known.content for path, known in self._installed.items()})

    def _whole(self) -> bool:
        """Whether every file of the installed copy is there: uv is not between removing and linking."""
        dist_info = self.env.purelib / self.distribution.dist_info
        return (dist_info / "RECORD").exists() and all((self.env.purelib / path).exists() for path in self._installed)

    def _renew_rules(self) -> None:
        if self._rules is not None and self._rules.packages != self._packages():
            self.forget_rules()

    def remember(self, *, editable: bool | None = None, lock: str | None = None) -> None:
        """Keep what was learned for the next run; what cannot be written is logged, and costs a build then."""
        self._memory = Memory(
            tree=self._known,
            installed=self._installed,
            learned=self.learned,
            lock=lock or self._memory.lock,
            editable=self.first_seen_editable if editable is None else editable,
        )
        error = self.site.store.save(self.name, self.distribution.root, self._memory)
        if error is not None:
            log.info("memory.not_saved", distribution=self.name, path=error.filename, reason=error.strerror)
