"""Which paths of a distribution's tree can matter, and the rule that decides, in words.

It knows names, patterns and what was learned of the distribution. It must not know the file system, git or a build
backend: what they say comes as arguments.

To look at too much costs a little time, to look at too little leaves the installed copy stale. So whatever no rule
excludes is looked at, and what a wheel is known, or declared, to carry is looked at whatever git says.
"""

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import NamedTuple

from uvwatch.core.patterns import decide

NEVER = {
    **dict.fromkeys((".git", ".hg", ".svn", ".bzr", "_darcs", ".jj", ".sl", "CVS"), "version control's own"),
    "__pycache__": "compiled Python",
    ".uvwatch": "uvwatch's own state",
}
"""Names of directories that no setting makes worth a look, and what they are."""

TOOLS = frozenset(
    {
        ".cache",
        ".direnv",
        ".eggs",
        ".fleet",
        ".gradle",
        ".hypothesis",
        ".idea",
        ".ipynb_checkpoints",
        ".mypy_cache",
        ".nox",
        ".parcel-cache",
        ".pdm-build",
        ".pixi",
        ".pyre",
        ".pytest_cache",
        ".pytype",
        ".ruff_cache",
        ".sass-cache",
        ".terraform",
        ".tox",
        ".turbo",
        ".venv",
        ".vs",
        ".vscode",
        ".zed",
        "_skbuild",
        "bower_components",
        "node_modules",
    }
)
"""Names of directories that tools keep for themselves; ``*.egg-info`` and ``.mesonpy-*`` are further ones."""

_TEMPORARY = re.compile(
    r"""
      .*~ | 4913 | \..*\.sw[a-px]                           # Vim: backup and undo, its write test, swap
    | \.\#.* | \#.*\# | \.~lock\..*\#                       # Emacs: lock and auto-save; LibreOffice: lock
    | .*___jb_(?:tmp|old|bak)___                            # JetBrains: safe write
    | .*\.kate-swp | \.goutputstream-.*                     # Kate, gedit
    | \.DS_Store | \.nfs[0-9a-f]{8,} | \.fuse_hidden.*      # Finder; files removed while open
    """,
    re.VERBOSE | re.DOTALL,
)


class Verdict(NamedTuple):
    """Whether to look at a path, and the rule that decided: a clause for logs and ``explain``."""

    look: bool
    rule: str


GIT_IGNORED = Verdict(look=False, rule="git ignores it")
"""The verdict that rests on git's opinion: a caller that asked with ``git_ignored=True`` need ask git only now."""

_NOTHING_EXCLUDES = Verdict(look=True, rule="no rule excludes it")


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A gitignore-style ``pattern``, relative to the root, and the ``key`` of the setting that names it."""

    pattern: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What decides about the paths of one distribution; every path is relative to its root.

    Attributes:
        ignore: the gitignore patterns of ``tool.uvwatch.ignore``.
        artifacts: patterns of files that the wheel should carry although git may ignore them, in order.
        inputs: patterns of files that shape the wheel by a setting that names them, whatever git says.
        packages: directories that are known to carry files of the wheel (``src/myapp``); ``""`` stands for the files
            that lie directly in the root, not for what is below it.
        nested: the roots of other distributions that lie inside this one.
    """

    ignore: tuple[str, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    inputs: tuple[Artifact, ...] = ()
    packages: frozenset[str] = frozenset()
    nested: frozenset[str] = frozenset()


def directory(rules: Rules, path: str, *, git_ignored: bool) -> Verdict:
    """Whether the directory ``path`` is looked at; ``""`` is the root.

    ``git_ignored`` is git's opinion on the path. That a directory is an environment (it holds ``pyvenv.cfg``) only a
    scan can see; it is then not looked at, whatever is said here.
    """
    if not path:
        return Verdict(look=True, rule="the root of the distribution")
    return _judge(rules, path + "/", tuple(path.split("/")), git_ignored=git_ignored)


def file(rules: Rules, path: str, *, git_ignored: bool) -> Verdict:
    """Whether the file ``path`` is looked at; whether it is a regular file is for a scan to see."""
    parent, _, name = path.rpartition("/")
    if rule := never_by_name(name):
        return Verdict(look=False, rule=rule)
    there = place(rules, parent)
    return (
        _never(rules, path, tuple(parent.split("/")) if parent else ())
        or file_in(rules, there, path)
        or (GIT_IGNORED if git_ignored else there.otherwise)
    )


class Place(NamedTuple):
    """What the rules say of a file in one directory, as far as no pattern speaks of the file.

    ``certain`` is None where git's opinion decides, and then ``otherwise`` holds for what git does not ignore.
    """

    certain: Verdict | None
    otherwise: Verdict


def place(rules: Rules, path: str) -> Place:
    """The part of the verdict on a file that hangs on its directory ``path`` alone: a scan asks once a directory."""
    parts = tuple(path.split("/")) if path else ()
    return Place(
        _tool(rules, parts) or _package(rules, parts, of_files=True), _build_output(parts) or _NOTHING_EXCLUDES
    )


def file_in(rules: Rules, there: Place, path: str) -> Verdict | None:
    """The verdict on a file of a name that is not out of the question, None where git's opinion decides.

    Args:
        rules: as elsewhere.
        there: the :func:`place` that the file lies in, a directory that is looked at.
        path: the file, relative to the root.
    """
    return _ignored(rules, path) or _declared(rules, path, ()) or there.certain


def never_by_name(name: str) -> str:
    """The rule by which a file of this name is never looked at, ``""`` if there is none."""
    if name.endswith((".pyc", ".pyo")):
        return "compiled Python"
    # The cheap question first: a scan asks it of every file.
    if (name.startswith((".", "#", "4")) or name.endswith(("~", "___", ".kate-swp"))) and _TEMPORARY.fullmatch(name):
        return "an editor's or the system's temporary file"
    return ""


def _judge(rules: Rules, path: str, parts: tuple[str, ...], *, git_ignored: bool) -> Verdict:
    """The rules for a directory, in their order."""
    return (
        _never(rules, path, parts)
        or _declared(rules, path, parts)
        or _tool(rules, parts)
        or _package(rules, parts)
        or (GIT_IGNORED if git_ignored else None)
        or _build_output(parts)
        or _NOTHING_EXCLUDES
    )


def _never(rules: Rules, path: str, parts: tuple[str, ...]) -> Verdict | None:
    for part in parts:
        if part in NEVER:
            return Verdict(look=False, rule=f"{part} is {NEVER[part]}")
    if verdict := _ignored(rules, path):
        return verdict
    if rules.nested:
        for prefix in _prefixes(parts):
            if prefix in rules.nested:
                return Verdict(look=False, rule=f"{prefix} is another distribution")
    return None


def _ignored(rules: Rules, path: str) -> Verdict | None:
    include, position = decide(rules.ignore, path)
    if include and position is not None:
        return Verdict(look=False, rule=f'tool.uvwatch.ignore[{position}], "{rules.ignore[position]}"')
    return None


def _declared(rules: Rules, path: str, parts: tuple[str, ...]) -> Verdict | None:
    return _named("artifact", rules.artifacts, path, parts) or _named("build input", rules.inputs, path, parts)


def _named(what: str, settings: tuple[Artifact, ...], path: str, parts: tuple[str, ...]) -> Verdict | None:
    if not settings:
        return None
    include, position = decide(_patterns(settings), path)
    if include and position is not None:
        return Verdict(look=True, rule=_words(what, settings[position]))
    if path.endswith("/"):
        for setting in settings:
            if _leads_to(setting.pattern, parts):
                return Verdict(look=True, rule=f"on the way to {_words(what, setting)}")
    return None


def _tool(rules: Rules, parts: tuple[str, ...]) -> Verdict | None:
    carrying = _with_ancestors(rules.packages)
    for prefix, part in zip(_prefixes(parts), parts, strict=True):
        if (part in TOOLS or part.endswith(".egg-info") or part.startswith(".mesonpy-")) and prefix not in carrying:
            return Verdict(look=False, rule=f"{part} is a tool's own directory")
    return None


def _package(rules: Rules, parts: tuple[str, ...], *, of_files: bool = False) -> Verdict | None:
    """The verdict that what the wheel carries asks for; a directory above a package is only on the way to it."""
    if not parts and "" in rules.packages:
        return Verdict(look=True, rule="the wheel carries files of the root")
    for prefix in _prefixes(parts):
        if prefix in rules.packages:
            return Verdict(look=True, rule=f"the wheel carries files of {prefix}")
    if not of_files and "/".join(parts) in _with_ancestors(rules.packages):
        return Verdict(look=True, rule="it holds a directory of which the wheel carries files")
    return None


def _build_output(parts: tuple[str, ...]) -> Verdict | None:
    if parts and parts[0] in {"build", "dist"}:
        return Verdict(look=False, rule=f"{parts[0]} is where builds are put")
    return None


def _leads_to(pattern: str, parts: tuple[str, ...]) -> bool:
    """Whether something that the pattern matches may lie below the directory, as far as the pattern says where.

    A pattern without a slash, or that begins with ``**``, says nothing of the place: it holds wherever else is looked.
    A wildcard does not lead into the directory of a tool.
    """
    if pattern.startswith(("!", "#")) or "/" not in pattern.rstrip("/"):
        return False
    segments = pattern.strip("/").split("/")
    for number, part in enumerate(parts):
        if number == len(segments):
            return False
        segment = segments[number]
        if segment == "**":
            return number > 0 and part not in TOOLS
        wild = any(character in segment for character in "*?[")
        if (wild and part in TOOLS) or not fnmatchcase(part, re.sub(r"\\(.)", r"[\1]", segment)):
            return False
    return True


def _words(what: str, setting: Artifact) -> str:
    return f'{what} pattern "{setting.pattern}" ({setting.key})'


def _prefixes(parts: tuple[str, ...]) -> list[str]:
    """``a``, ``a/b``, ``a/b/c`` of ``("a", "b", "c")``."""
    return ["/".join(parts[: number + 1]) for number in range(len(parts))]


@lru_cache(maxsize=64)
def _patterns(artifacts: tuple[Artifact, ...]) -> tuple[str, ...]:
    return tuple(artifact.pattern for artifact in artifacts)


@lru_cache(maxsize=64)
def _with_ancestors(packages: frozenset[str]) -> frozenset[str]:
    return frozenset(prefix for path in packages if path for prefix in _prefixes(tuple(path.split("/"))))
