"""What a path is to uvwatch, and the rule that decided: the answer of ``uvwatch explain``, as a pure function.

It prints the rules that everything else runs by; it has none of its own.
"""

from dataclasses import dataclass
from enum import Enum

from uvwatch.core.patterns import decide
from uvwatch.core.plan import Learned
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
    """One path: ``installed`` are paths as RECORD has them, ``fresh`` None where there is no copy to compare."""

    path: str
    role: Role
    rule: str
    distribution: str | None = None
    installed: tuple[str, ...] = ()
    fresh: bool | None = None
    on_change: str = "nothing"


def verdict_on(rules: Rules, path: str, *, git_ignored: bool) -> Verdict:
    """The rule that decides about a file: that of the first directory above it that is not looked at, else its own."""
    parts = path.split("/")
    for number in range(1, len(parts)):
        above = directory(rules, "/".join(parts[:number]), git_ignored=git_ignored)
        if not above.look:
            return above
    return file(rules, path, git_ignored=git_ignored)


def role_of(
    path: str, *, rules: Rules, learned: Learned | None, build_inputs: tuple[str, ...], git_ignored: bool
) -> tuple[Role, str, tuple[str, ...]]:
    """Find the role of a tree's file, the rule that decided it, and where it is installed.

    Args:
        path: relative to the distribution's root.
        rules: what is looked at.
        learned: what the last build taught, None before the first.
        build_inputs: gitignore patterns of the files that shape the wheel.
        git_ignored: git's opinion.
    """
    verdict = verdict_on(rules, path, git_ignored=git_ignored)
    if not verdict.look:
        return Role.IGNORED, verdict.rule, ()
    places = learned.origins.installed(path, learned.wheel) if learned is not None else ()
    include, index = decide(tuple(artifact.pattern for artifact in rules.artifacts), path)
    if include and index is not None:
        named = rules.artifacts[index]
        return Role.ARTIFACT, f"{named.key} = {named.pattern}", places
    if places:
        if git_ignored:
            return Role.ARTIFACT, "git ignores it, and the last wheel carried it", places
        return Role.SOURCE, "the last wheel carried it byte for byte", places
    matched = decide(build_inputs, path)
    if matched.include and matched.position is not None:
        return Role.BUILD_INPUT, f"it shapes the wheel ({build_inputs[matched.position]})", ()
    return Role.NOT_IN_THE_WHEEL, f"the last wheel left it out ({verdict.rule})", ()


ON_CHANGE = {
    Role.SOURCE: "uv reinstalls the distribution with it",
    Role.ARTIFACT: "uv reinstalls the distribution with it",
    Role.BUILD_INPUT: "the backend is asked by a build; uv reinstalls if the wheel is another one",
    Role.NOT_IN_THE_WHEEL: "the backend is asked by a build; uv reinstalls if the wheel is another one",
    Role.IGNORED: "nothing",
    Role.FOREIGN: "nothing: it is neither overwritten nor removed",
}
"""What a change to a file of each role leads to."""
