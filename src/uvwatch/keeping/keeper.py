"""One distribution and its installed copy: what both hold now, and what the last build taught of the two.

A keeper looks at the tree and the environment, read only, and judges (``core.plan``). It changes nothing and decides
nothing by itself; it knows neither events nor the other distributions.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import structlog
from anyio import to_thread

from uvwatch.core import record
from uvwatch.core.learning import taught
from uvwatch.core.model import Batch, Delta, Distribution, Files, Known, Stale, Why
from uvwatch.core.patterns import decide
from uvwatch.core.plan import Judgement, Standing, difference, judge, patch_of, suffices
from uvwatch.core.rules import Rules
from uvwatch.core.watchplan import is_below
from uvwatch.errors import CycleFailed, FailureKind, Fatal
from uvwatch.installing.memory import Memory
from uvwatch.keeping.copy import Copy
from uvwatch.keeping.refilling import Refilling
from uvwatch.keeping.site import Site, declared_by, rules_for
from uvwatch.project import files
from uvwatch.project.environment import Environment
from uvwatch.project.installed import InstalledCopy
from uvwatch.project.pyproject import BrokenPyproject, read_if_there, table
from uvwatch.watching.contents import contents
from uvwatch.watching.ignores import GitIgnores
from uvwatch.watching.places import EVERYWHERE, Places, concerning, places
from uvwatch.watching.scan import scan
from uvwatch.watching.tree import Problem, Tree
from uvwatch.watching.tree import difference as tree_difference

OnLine = Callable[[str], None]

_SETTINGS = ("pyproject.toml", "hatch.toml")

log = structlog.get_logger()


class Keeper:
    """Keeps one installed copy; for an editable install see ``editable.EditableKeeper``."""

    of_editable: ClassVar[bool] = False

    def __init__(
        self, site: Site, env: Environment, distribution: Distribution, others: tuple[Distribution, ...]
    ) -> None:
        self.site = site
        self.env = env
        self.distribution = distribution
        self._others = others
        self._memory = site.store.load(distribution.name, distribution.root)
        # What was learned of a copy says nothing of an editable install, and the reverse.
        usable = self._memory.learned_editable == distribution.editable and not site.request.reinstall
        self.learned = self._memory.learned if usable else None
        self.tree: Tree | None = None
        self.problems: tuple[Problem, ...] = ()
        self._rules: Rules | None = None
        self._rules_due = False
        self._complaint = ""
        self._known: Mapping[str, Known] = self._memory.tree if usable else {}
        self._unread: tuple[Problem, ...] = ()
        self.dirty = False
        # The digest of uv.lock that the environment was last made from, if it is known.
        self.lock = self._memory.lock
        self.late = Batch()
        self.distrusted = False
        # What was taken out of setuptools' build/ before the last update's builds.
        self.purged: tuple[str, ...] = ()
        self._copy = Copy(self._memory.installed)
        self._inputs_of: object = None
        self._inputs: tuple[str, ...] = ()
        self._dynamic = True
        self._suspended: frozenset[str] = frozenset()
        self._refilling = Refilling(distribution.root)
        self._contents: tuple[object, object, Files] = (None, None, {})
        self._judged: tuple[tuple[object, ...], Judgement | None] = ((), None)

    @property
    def name(self) -> str:
        """The distribution's normalised name."""
        return self.distribution.name

    @property
    def contents(self) -> Files:
        """What the tree held at the last look, without what is suspended."""
        known, suspended, held = self._contents
        if known is not self._known or suspended is not self._suspended:
            held = {path: known.content for path, known in self._known.items() if path not in self._suspended}
            self._contents = (self._known, self._suspended, held)
        return held

    @property
    def first_seen_editable(self) -> bool:
        """The mode in which uvwatch first saw this distribution in this environment."""
        return self.distribution.editable if self._memory.editable is None else self._memory.editable

    def fits(self, env: Environment, distribution: Distribution) -> bool:
        """Whether this keeper can go on with what is installed now; if so, it does."""
        # By its own kind: what it knows of the distribution may be newer, where it was itself that changed the mode.
        same = (self.distribution.root, self.of_editable) == (distribution.root, distribution.editable)
        if same and self.env.prefix == env.prefix:
            self.env, self.distribution = env, distribution
            return True
        return False

    def inherit(self, *, editable: bool) -> None:
        """Take over in which mode the distribution was first seen, where the environment, and its memory, were lost."""
        if self._memory.editable is None:
            self._memory = replace(self._memory, editable=editable)

    def concerned(self, paths: Iterable[str]) -> Places:
        """Where this tree has to be looked at again after events on absolute paths."""
        return places(self.distribution.root, self.tree or Tree(), paths)

    def concerning(self, paths: Iterable[str]) -> frozenset[str]:
        """Those of the absolute paths that this tree has to be looked at for."""
        return concerning(self.distribution.root, self.tree or Tree(), paths)

    @property
    def directories(self) -> int:
        """How many directories of the tree are looked at."""
        return len(self.tree.directories) if self.tree is not None else 1

    @property
    def beside(self) -> frozenset[str]:
        """Absolute directories that are to be watched besides those of the tree."""
        return frozenset()

    def take(self, site: Site) -> None:
        """Go on with changed settings."""
        self.site = site
        self.resume()
        self.forget_rules()

    def resume(self) -> None:
        """Follow again what was suspended."""
        self._suspended = frozenset()

    def suspend(self, path: str) -> None:
        """Follow a file no longer, until the settings change: its changes lead to updates that lead to its changes."""
        self._suspended |= {path}
        if self.learned is not None:
            tree = {each: content for each, content in self.learned.tree.items() if each != path}
            self.learned = replace(self.learned, tree=tree)

    async def look(self, where: Places | None = None) -> Batch:
        """Scan the tree, or the named places of it, and say what is another than at the last look.

        Raises:
            Fatal: the distribution's own pyproject.toml cannot be read.
        """
        return await to_thread.run_sync(self._look, where)

    def _look(self, where: Places | None) -> Batch:
        before, held = self.tree, self.contents
        anew = self._rules_due or before is None
        root = self.distribution.root
        if anew or before is None:
            self.tree = scan(root, self.rules)
            read = contents(root, self.tree, self._known)
        else:
            where = where or EVERYWHERE
            self.tree = scan(root, self.rules, before=before, only=where.only, whole=where.whole)
            read = contents(root, self.tree, self._known, before=before, listed=self._to_consider(where))
        settings = [self._known.get(name) for name in _SETTINGS]
        self._known = read.known
        if before is not None and settings != [self._known.get(name) for name in _SETTINGS]:
            # They may bring more of the tree into view, or less: all of it is looked at by the new rules.
            self.forget_rules()
            self.tree = scan(root, self.rules)
            read = contents(root, self.tree, self._known)
            self._known = read.known
        self._unread = read.problems
        troubled, self.problems = {*self.problems}, (*self.tree.problems, *read.problems)
        for problem in {*self.problems} - troubled:
            log.warning("tree.problem", distribution=self.name, path=problem.path, problem=problem.what)
        # What a build choked on is no file: its coming and going is a change all the same.
        odd = [problem.path for problem in troubled ^ {*self.problems}]
        if before is None:
            return Batch()
        added, changed, removed = tree_difference(before, self.tree)
        batch = difference(held, self.contents, seen=(*added, *changed, *removed))
        return replace(
            batch, touched=tuple(sorted({*batch.touched, *odd} - {*batch.added, *batch.changed, *batch.removed}))
        )

    def _to_consider(self, where: Places) -> frozenset[str]:
        """Directories whose files are to be considered whatever their listing says.

        Those that events named; and those with a file that could not be read, or was still so young when it was that
        its signature proves nothing (``project.files``).
        """
        unsure = [problem.path for problem in self._unread]
        if where is EVERYWHERE:
            unsure += [path for path, known in self._known.items() if known.signature.inode == files.NEVER_EQUAL]
        named = frozenset() if where is EVERYWHERE else where.only | where.whole
        return named.union(path.rpartition("/")[0] for path in unsure)

    def _packages(self) -> frozenset[str]:
        """Directories that carry files of the wheel: learned, or guessed from the names of what is installed."""
        if self.learned is not None:
            return self.learned.origins.packages()
        tops = {path.partition("/")[0] for path in self.copy.files if "/" in path and not record.in_dist_info(path)}
        return frozenset(f"{where}{top}" for top in tops - {".."} for where in ("", "src/"))

    def forget_rules(self) -> None:
        """Have the rules made anew when they are next needed: settings changed, or what is known of the packages."""
        self._rules_due = True

    async def judge(self, *, trusting: bool = False) -> Judgement:
        """Compare, without a build.

        Args:
            trusting: take the installed files as they were last read, as long as nobody wrote RECORD since: so that
                the cost follows the change, not the project. What is done to a single file is for the audit.

        Raises:
            CycleFailed: the installed copy is there and cannot be read.
        """
        if not (trusting and self.is_as_read()):
            await self.read_installed()
        if not self.copy.whole:
            lost = Stale(path=f"{self.distribution.dist_info}/RECORD", source=None, why=Why.METADATA)
            return Judgement(standing=Standing.STALE, reason="the copy has no valid RECORD", stale=(lost,))
        known = (self.learned, self.contents, self.wheel_files())
        judged, judgement = self._judged
        # The very same values have the very same answer: most looks find nothing new.
        if judgement is None or any(one is not other for one, other in zip(known, judged, strict=True)):
            judgement = judge(*known)
            self._judged = (known, judgement)
        return judgement

    def require_buildable(self) -> None:
        """Refuse what a build would choke on, or wait for ever on, and name it.

        Raises:
            CycleFailed: the first such file where the wheel's files lie, or that shapes the wheel (a README).
        """
        for problem in self.problems:
            if problem.blocks and (self._may_be_in_wheel(problem.path) or self._is_build_input(problem.path)):
                raise CycleFailed(FailureKind.BUILD, f"{problem.path}: {problem.what}", path=problem.path)

    def _may_be_in_wheel(self, path: str) -> bool:
        if decide(self.artifact_patterns, path).include is True:
            return True
        directory, _, name = path.rpartition("/")
        return self.is_in_package(path) and not GitIgnores(self.distribution.root).ignored(directory, name)

    def is_in_package(self, path: str) -> bool:
        """Whether a path lies in a directory of the tree that carries files of the wheel."""
        return any(is_below(path, package) for package in self._packages())

    def _is_build_input(self, path: str) -> bool:
        return decide(declared_by(self.distribution).build_inputs, path).include is True

    @property
    def rules(self) -> Rules:
        """What decides about the paths of the tree."""
        if self._rules is None or self._rules_due:
            self._rules_due = False
            try:
                self._rules = rules_for(self.site, self.distribution, self._packages(), self._others)
            except Fatal as error:
                # The last good ones hold until the file is mended; where no build says what is wrong, nobody else does.
                if self._rules is None:
                    raise
                if not isinstance(error, BrokenPyproject) and self._complaint != str(error):
                    log.warning("settings.kept", message=f"{error}; the last good settings hold until it is mended")
                self._complaint = str(error)
            else:
                self._complaint = ""
        return self._rules

    @property
    def artifact_patterns(self) -> tuple[str, ...]:
        """The gitignore patterns by which settings name artifacts."""
        return tuple(artifact.pattern for artifact in self.rules.artifacts)

    async def learn(
        self,
        wheel: Files,
        snapshot: Files,
        *,
        rewritten: frozenset[str] = frozenset(),
        moved: frozenset[str] = frozenset(),
    ) -> None:
        """Take in that the tree, as the snapshot has it, builds this wheel (as installed); see ``core.learning``.

        What is known of the packages may bring more of the tree into view; what was out of view until now is taken as
        it is, unless the wheel contradicts it.
        """
        await to_thread.run_sync(self._learn, wheel, snapshot, rewritten, moved)

    def _learn(self, wheel: Files, snapshot: Files, rewritten: frozenset[str], moved: frozenset[str]) -> None:
        last = self.learned
        self.learned = taught(wheel, snapshot, self.contents, moved=moved, rewritten=rewritten, last=last)
        if self.rules.packages == self._packages():
            return
        seen, origins = self.contents, self.learned.origins
        self.forget_rules()
        batch = self._look(None)
        now = self.contents
        shown = {path: content for path, content in now.items() if path not in seen and path not in snapshot}
        # What the wheel carries is in view: where it is not there, it went.
        hidden = {path for path in snapshot.keys() - now.keys() - moved if not origins.installed(path, wheel)}
        before = {path: content for path, content in {**snapshot, **shown}.items() if path not in hidden}
        carried = (path for path in shown if origins.installed(path, wheel))
        moved = moved.union(carried, batch.changed, before.keys() - now.keys())
        self.learned = taught(wheel, before, now, moved=moved, rewritten=rewritten, last=last)

    def patch(self) -> Mapping[str, tuple[str, ...]]:
        """The changed files that may be put in place without a build, and where (``core.plan.patch_of``)."""
        if self.learned is None or self.distrusted:
            return {}
        settings = (self.contents.get("pyproject.toml"), self.contents.get("hatch.toml"))
        if settings != self._inputs_of:
            project = table(read_if_there(Path(self.distribution.root, "pyproject.toml")) or {}, "project")
            self._dynamic = bool(project.get("dynamic")) if project else True
            self._inputs = declared_by(self.distribution).build_inputs
            self._inputs_of = settings
        places = patch_of(self.learned, self.contents, build_inputs=self._inputs, dynamic=self._dynamic)
        return places if suffices(self.learned, self.wheel_files(), places) else {}

    def patched(self, places: Mapping[str, tuple[str, ...]], tree: Files) -> None:
        """Take in that these files were put in place as the tree had them."""
        if self.learned is not None:
            changes = {source: tree[source] for source in places}
            wheel = {path: tree[source] for source, found in places.items() for path in found}
            self.learned = replace(
                self.learned, tree={**self.learned.tree, **changes}, wheel={**self.learned.wheel, **wheel}
            )

    def changed_at(self, batch: Batch) -> float:
        """When a batch was made, in seconds since the epoch: by its files, and by the directories that lost any."""
        found = [known.signature.ctime_ns for path in batch.paths if (known := self._known.get(path)) is not None]
        left = {f"{self.distribution.root}/{path}".rpartition("/")[0] for path in batch.removed}
        return max([*found, *map(files.changed_ns, left)], default=0) / 1e9

    def unlearned(self) -> Batch:
        """What the tree holds now that the last build did not see."""
        return difference(self.learned.tree, self.contents) if self.learned is not None else Batch()

    def is_refilling(self) -> bool:
        """Whether a directory of generated files that was not empty at the last build is empty now, or gone.

        Its generator has removed all and is about to write (``collectstatic --clear``, ``rm -rf dist && build``).
        """
        return self._refilling.is_under_way(self.learned, self.artifact_patterns)

    @property
    def copy(self) -> InstalledCopy:
        """The installed copy as last read."""
        return self._copy.last

    async def read_installed(self) -> InstalledCopy:
        """Read the installed copy; only what changed since it was last read is opened.

        Raises:
            CycleFailed: a file of it is there and cannot be read.
        """
        return await self._copy.read(self.env, self.distribution)

    def is_as_read(self) -> bool:
        """Whether nobody installed since the copy was read; what was done to a single file this does not see."""
        return self._copy.is_as_read(self.env, self.distribution)

    def placed(self, delta: Delta) -> Files:
        """Read again what was just put in place, and give what it holds; what is not there is left out."""
        return self._copy.placed(self.env, self.distribution, delta)

    def wheel_files(self) -> Files:
        """What is installed of the wheel, as last read: without what the installer wrote by itself."""
        return self._copy.wheel_files()

    def remember(self, *, editable: bool | None = None) -> None:
        """Keep what was learned for the next run; what cannot be written is logged, and costs a build then."""
        memory = Memory(
            tree=self._known,
            installed=self.copy.files,
            learned=self.learned,
            learned_editable=self.distribution.editable,
            lock=self.lock,
            editable=self.first_seen_editable if editable is None else editable,
        )
        if memory == self._memory:
            return
        self._memory = memory
        error = self.site.store.save(self.name, self.distribution.root, self._memory)
        if error is not None:
            log.info("memory.not_saved", distribution=self.name, path=error.filename, reason=error.strerror)
