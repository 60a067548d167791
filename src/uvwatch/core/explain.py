"""What a path is to uvwatch, the rule that decided, and what a change to it does: the answer of ``uvwatch explain``.

It prints the rules that everything else runs by; it has none of its own. It knows paths and contents; files, git and
build backends speak through arguments.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum

from uvwatch.core.model import Action, Content
from uvwatch.core.patterns import decide
from uvwatch.core.plan import Learned, patch_of
from uvwatch.core.record import in_dist_info
from uvwatch.core.rules import Rules, Verdict, directory, file


class Role(Enum):
    """What a path is; the values are those of the public JSON."""

    SOURCE = "source"
    ARTIFACT = "artifact"
    BUILD_INPUT = "build input"
    FOREIGN = "foreign"
    IGNORED = "ignored"
    NOT_IN_THE_WHEEL = "not in the wheel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """One path: ``installed`` are paths as RECORD has them, ``fresh`` None where there is no copy to compare.

    ``remedy`` says how a file that was left out gets into the wheel, None where there is nothing to be done.
    """

    path: str
    role: Role
    rule: str
    distribution: str | None = None
    installed: tuple[str, ...] = ()
    fresh: bool | None = None
    on_change: str = "nothing"
    remedy: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of the distribution that a path belongs to.

    Attributes:
        rules: what is looked at.
        learned: what the last build taught, None before the first and for an editable install.
        build_inputs: gitignore patterns of the files that shape the wheel.
        editable: whether Python reads the tree itself.
        by_uv: whether the settings leave every update to uv.
        dynamic: whether metadata may be read from any module.
        hatch_toml: the names of the tables in hatch.toml.
    """

    rules: Rules
    learned: Learned | None
    build_inputs: tuple[str, ...]
    editable: bool = False
    by_uv: bool = False
    dynamic: bool = False
    hatch_toml: frozenset[str] = frozenset()


def verdict_on(rules: Rules, path: str, *, git_ignored: bool) -> Verdict:
    """The rule that decides about a file: that of the first directory above it that is not looked at, else its own."""
    parts = path.split("/")
    for number in range(1, len(parts)):
        above = directory(rules, "/".join(parts[:number]), git_ignored=git_ignored)
        if not above.look:
            return above
    return file(rules, path, git_ignored=git_ignored)


def role_of(path: str, known: Known, *, git_ignored: str) -> tuple[Role, str, tuple[str, ...]]:
    """Find the role of a tree's file, the rule that decided it, and where it is installed.

    Args:
        path: relative to the distribution's root.
        known: of that distribution.
        git_ignored: why git ignores the file, as a clause; empty if it does not.
    """
    rules, learned = known.rules, known.learned
    verdict = verdict_on(rules, path, git_ignored=bool(git_ignored))
    if not verdict.look:
        return Role.IGNORED, git_ignored if verdict.rule == "git ignores it" else verdict.rule, ()
    places = learned.origins.installed(path, learned.wheel) if learned is not None else ()
    include, index = decide(tuple(artifact.pattern for artifact in rules.artifacts), path)
    if include and index is not None:
        named = rules.artifacts[index]
        return Role.ARTIFACT, f"{where(named.key, known.hatch_toml)} = {named.pattern}", places
    shaping = decide(known.build_inputs, path)
    if shaping.include and shaping.position is not None and all(map(in_dist_info, places)):
        return Role.BUILD_INPUT, f"it shapes the wheel: {known.build_inputs[shaping.position]}", places
    if places:
        if git_ignored:
            return Role.ARTIFACT, f"{git_ignored}, and the last wheel carried it", places
        return Role.SOURCE, "the last wheel carried it byte for byte", places
    return (*_not_carried(known, git_ignored), ())


def _not_carried(known: Known, git_ignored: str) -> tuple[Role, str]:
    if known.editable:
        return Role.SOURCE, "the distribution is installed editable: Python reads the tree itself"
    left_out = "the build backend left it out of the last wheel"
    return Role.NOT_IN_THE_WHEEL, f"{git_ignored}, and {left_out}" if git_ignored else left_out


def where(key: str, hatch_toml: Collection[str]) -> str:
    """Name a setting with its file: a table of hatch.toml takes the place of the one in pyproject.toml."""
    parts = key.split(".", 3)
    if parts[:2] == ["tool", "hatch"] and parts[2] in hatch_toml:
        return f"hatch.toml: {key.removeprefix('tool.hatch.')}"
    return f"pyproject.toml: {key}"


def on_change(role: Role, path: str, known: Known) -> str:
    """What a change to a file of the tree does: the action that it leads to, and in words what that is."""
    match role:
        case Role.IGNORED:
            return "nothing"
        case Role.FOREIGN:
            return "nothing: it is neither overwritten nor removed"
        case Role.BUILD_INPUT:
            if known.editable:
                return _words(Action.REINSTALL, "uv installs it anew, still editable")
            return _words(Action.REBUILD, "the backend builds a wheel; uv reinstalls if its metadata is another")
        case Role.SOURCE | Role.ARTIFACT | Role.NOT_IN_THE_WHEEL:
            return _on_change_of_content(role, path, known)


def _on_change_of_content(role: Role, path: str, known: Known) -> str:
    if known.editable:
        return "nothing is installed: Python reads the tree itself"
    learned = known.learned
    if learned is None or not learned.origins.installed(path, learned.wheel):
        asked = "the backend is asked by a build, and what differs in its wheel is put in place"
        return _words(Action.NONE if role is Role.NOT_IN_THE_WHEEL else Action.REBUILD, asked)
    if known.by_uv:
        return _words(Action.REINSTALL, "the settings leave every update to uv")
    changed = {**learned.tree, path: Content("", executable=False)}
    if patch_of(learned, changed, build_inputs=known.build_inputs, dynamic=known.dynamic):
        return _words(Action.PATCH, "it is put in place directly, without a build")
    return _words(Action.REBUILD, "the backend builds a wheel, and what differs is put in place")


def _words(action: Action, words: str) -> str:
    return f"{action.value}: {words}"
