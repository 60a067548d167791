"""The nouns: what flows from a saved file to a line on stdout, as frozen values.

``Batch`` → ``Result`` → ``Event``; ``core.plan`` says what is to be done, and why. Enum values are the words of JSON.
Paths inside a distribution are ``str`` with ``/`` between the parts, relative to its root; bytes that are not UTF-8
stand as surrogates (``os.fsdecode``). This module knows no rule and does nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from uvwatch.errors import FailureKind

_MODULES = (".py", ".so", ".pyd")
"""What Python imports; bytecode follows its source."""


class Action(Enum):
    """How a distribution was, or will be, brought up to date."""

    NONE = "none"
    PATCH = "patch"
    REBUILD = "rebuild"
    REINSTALL = "reinstall"


class Outcome(Enum):
    """How a cycle ended."""

    UPDATED = "updated"
    UNCHANGED = "unchanged"
    FAILED = "failed"


class Trigger(Enum):
    """What began a cycle."""

    START = "start"
    CHANGE = "change"
    SYNC = "sync"
    AUDIT = "audit"
    RETRY = "retry"
    ENVIRONMENT = "environment"


class Why(Enum):
    """Why an installed file is stale."""

    MISSING = "missing"
    DIFFERS = "differs"
    EXTRA = "extra"
    METADATA = "metadata"
    DEPENDENCIES = "dependencies"


class WarningCode(Enum):
    """The warnings that a user can meet; README explains each."""

    EDITABLE_INSTALL = "editable-install"
    EDITABLE_FLIP = "editable-flip"
    LOCK_OUTDATED = "lock-outdated"
    WRITTEN_TO_INSTALLED_COPY = "written-to-installed-copy"
    ARTIFACT_DROPPED = "artifact-dropped"
    WATCH_LIMIT = "watch-limit"
    POLLING = "polling"
    LOOP = "loop"
    LEFTOVER_BUILD = "leftover-build"
    NOT_LOCKED = "not-locked"


class Signature(NamedTuple):
    """What one ``stat`` says of a file: equal signatures mean that it need not be read again.

    A tuple, not a dataclass: a scan makes tens of thousands of them.
    """

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    mode: int


class Content(NamedTuple):
    """What a file holds, as an installer sees it.

    ``digest`` is the RECORD form, ``sha256=`` and the unpadded URL-safe base64 (binary distribution format spec);
    ``executable`` is the one permission bit that uv keeps.
    """

    digest: str
    executable: bool


class Known(NamedTuple):
    """A content together with the signature at which it was read."""

    signature: Signature
    content: Content


Files = Mapping[str, Content]
"""Path → content: a wheel, an installed copy or a tree, whatever the side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """A package installed in the environment from a local directory (PEP 610 ``direct_url.json``).

    ``root`` is the absolute directory that it was installed from; ``dist_info`` the name of its directory in
    site-packages; ``by_uv`` whether INSTALLER says uv.
    """

    name: str
    version: str
    root: str
    editable: bool
    dist_info: str
    by_uv: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Stale:
    """One installed file that is not what a build of the tree would install.

    ``path`` is as RECORD has it; ``source`` is relative to the distribution's root, None for what the build makes.
    """

    path: str
    source: str | None
    why: Why


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Changes of one distribution's tree whose signature changed, once they were quiet: paths, sorted.

    ``touched`` have the same bytes as before; they are a reason to say so, never to update.
    """

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    touched: tuple[str, ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        """All paths of the batch, sorted, whatever happened to them."""
        return tuple(sorted({*self.added, *self.changed, *self.removed, *self.touched}))

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed or self.touched)

    def __or__(self, later: "Batch") -> "Batch":
        """Unite with what came later: what came and went was nothing, else a path is as the later batch has it."""
        news = {*later.paths}
        passing = {*self.added} & {*later.removed}

        def united(before: tuple[str, ...], after: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(sorted({*after, *(path for path in before if path not in news)}))

        return Batch(
            added=united(self.added, later.added),
            changed=united(self.changed, later.changed),
            removed=tuple(path for path in united(self.removed, later.removed) if path not in passing),
            touched=united(self.touched, later.touched),
        )

    @property
    def differs(self) -> bool:
        """Whether any byte of the tree is another than before."""
        return bool(self.added or self.changed or self.removed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """What an update changed in the installed copy: paths as RECORD has them, sorted."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        """All paths, whatever happened to them."""
        return (*self.added, *self.changed, *self.removed)

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why one distribution could not be made fresh: ``error`` of the JSON, field for field."""

    kind: FailureKind
    message: str
    path: str | None = None
    line: int | None = None
    column: int | None = None
    output: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of one distribution in a cycle."""

    name: str
    action: Action
    reason: str
    delta: Delta = field(default_factory=Delta)
    error: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleStarted:
    """A cycle began. ``paths`` are relative to the project; empty for a cycle that no change began."""

    cycle: int
    trigger: Trigger
    names: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleFinished:
    """A cycle ended. ``duration_ms`` counts from the end of settling to the verified result."""

    cycle: int
    outcome: Outcome
    duration_ms: float
    results: tuple[Result, ...] = ()

    @property
    def python(self) -> bool:
        """Whether a Python module is another than before, so that a program that imported it would have to restart."""
        paths = (
            path
            for result in self.results
            for path in (*result.delta.added, *result.delta.changed, *result.delta.removed)
        )
        return any(path.endswith(_MODULES) for path in paths)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """The watches are armed and cycle 1 is over."""

    version: str
    project: str
    environment: str
    pid: int
    distributions: tuple[Distribution, ...]
    directories: int
    backend: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned:
    """Something that the user should know, and what to do about it."""

    code: WarningCode
    message: str
    remedy: str
    distribution: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldStarted:
    """A generator runs: no update starts until it ends. ``command`` is its argv."""

    command: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldEnded:
    """The generator of a hold ended, or the hold was released because its holder died."""

    command: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """The daemon's last word."""


Event = CycleStarted | CycleFinished | Ready | Warned | HoldStarted | HoldEnded | Stopped
