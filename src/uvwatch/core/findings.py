"""What ``uvwatch doctor`` can find, and the judgements that need no look at the machine.

Figures and names go in, findings come out. It knows what keeps the job from being done well. It must not know how
anything is found out.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import Enum

from uvwatch.core.plan import name_some
from uvwatch.core.record import in_dist_info

SPARE_INSTANCES = 8
"""How many inotify instances the daemon may open (``watching.watcher``)."""


class Severity(Enum):
    """How bad it is: the job cannot be done, is done worse, or is worth knowing."""

    BREAKS = "breaks"
    HURTS = "hurts"
    NOTE = "note"


class Code(Enum):
    """What was found; where a warning tells the same, its code is that of the warning."""

    ARTIFACT_DROPPED = "artifact-dropped"
    BUILD_FAILS = "build-fails"
    COPY_BROKEN = "copy-broken"
    EDITABLE_INSTALL = "editable-install"
    ENVIRONMENT_BROKEN = "environment-broken"
    ENVIRONMENT_MISSING = "environment-missing"
    INSTALLED_FROM_ELSEWHERE = "installed-from-elsewhere"
    LEFTOVER_BUILD = "leftover-build"
    LOCK_BROKEN = "lock-broken"
    LOCK_MISSING = "lock-missing"
    LOCK_OUTDATED = "lock-outdated"
    NO_PROJECT = "no-project"
    NOT_A_PACKAGE = "not-a-package"
    NOT_INSTALLED = "not-installed"
    NOT_LOCKED = "not-locked"
    NOT_THE_PROJECTS = "not-the-projects-environment"
    ONLY_BY_UV = "only-by-uv"
    POLLING = "polling"
    PYPROJECT_BROKEN = "pyproject-broken"
    SETTINGS_INVALID = "settings-invalid"
    TREE_SHADOWS_COPY = "tree-shadows-copy"
    UV_MISSING = "uv-missing"
    UV_PASSED_OVER = "uv-passed-over"
    UV_TOO_OLD = "uv-too-old"
    WATCH_LIMIT = "watch-limit"
    WRITTEN_TO_INSTALLED_COPY = "written-to-installed-copy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is not as it should be: what and where (``message``), and what to do (``remedy``)."""

    code: Code
    severity: Severity
    message: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Inotify:
    """What the kernel allows one user, and what that user's processes take now; None where there is no such limit."""

    watches: int | None
    instances: int | None
    watches_taken: int = 0
    instances_taken: int = 0


def limits(inotify: Inotify, needed: int) -> tuple[Finding, ...]:
    """Whether ``needed`` directories can be watched beside what is watched already."""
    return tuple(
        Finding(
            code=Code.WATCH_LIMIT,
            severity=Severity.HURTS,
            message=f"{what} are needed, {taken} are taken by your other processes, and {sysctl} allows {allowed}:"
            " what cannot be watched is polled",
            remedy=f"sudo sysctl {sysctl}={enough}, or name what need not be watched in tool.uvwatch.ignore",
        )
        for what, count, taken, allowed, sysctl, enough in (
            (
                f"{needed} file watches",
                needed,
                inotify.watches_taken,
                inotify.watches,
                "fs.inotify.max_user_watches",
                max(524_288, 2 * (needed + inotify.watches_taken)),
            ),
            (
                f"{SPARE_INSTANCES} inotify instances",
                SPARE_INSTANCES,
                inotify.instances_taken,
                inotify.instances,
                "fs.inotify.max_user_instances",
                max(1024, 2 * inotify.instances_taken),
            ),
        )
        if allowed is not None and count + taken > allowed
    )


def shadowing(name: str, root: str, recorded: Iterable[str], importable: Collection[str]) -> Finding | None:
    """Whether what Python starts in the root imports the tree, and not the installed copy.

    Args:
        name: of the distribution.
        root: its directory.
        recorded: what it installed.
        importable: what Python can import from the root by these names: directories with modules, and modules.
    """
    tops = {path.partition("/")[0] for path in recorded if not path.startswith(("/", "..")) and not in_dist_info(path)}
    found = sorted(tops & {*importable})
    if not found:
        return None
    return Finding(
        code=Code.TREE_SHADOWS_COPY,
        severity=Severity.HURTS,
        message=f"{name_some(found)} of {name} {'lies' if len(found) == 1 else 'lie'} directly in {root}: what Python"
        " starts there (`python manage.py`, `python -m`) imports the tree, not the installed copy",
        remedy="start what shall run from the copy elsewhere (`cd / && django-admin runserver`), or move the package"
        " to src/",
    )


def build_leftovers(name: str, left: Iterable[str], tree: Collection[str]) -> Finding | None:
    """Whether setuptools' ``build/`` holds what the tree does not: it would come back in a wheel.

    Args:
        name: of the distribution.
        left: the files below ``build/lib*``, relative to it.
        tree: the files of the tree, relative to the root.
    """
    back = sorted(path for path in {*left} if path not in tree and f"src/{path}" not in tree)
    if not back:
        return None
    return Finding(
        code=Code.LEFTOVER_BUILD,
        severity=Severity.HURTS,
        message=f"build/ of {name} holds files that are gone from the tree ({name_some(back)}): setuptools puts them"
        " into every wheel that a plain `uv sync` or `uv build` makes",
        remedy="remove build/; uvwatch's own builds pass such files over",
    )
