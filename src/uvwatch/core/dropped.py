"""Which generated files lie in the tree, ready to be installed, and are left out of the wheel.

That they are wanted is a guess from where they lie: a setting names them, or git ignores a whole directory inside a
package that the wheel does carry. What the wheel holds is known from the last build. This module knows no backend and
gives no advice.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from uvwatch.core.patterns import decide
from uvwatch.core.plan import Learned
from uvwatch.core.rules import Artifact, Rules
from uvwatch.core.watchplan import is_below

KINDS = (".mo", "_pb2.py", "_pb2.pyi", "_pb2_grpc.py")
"""Ends of names that only a generator gives, told one by one where git ignores them: they lie beside sources."""

_OF_A_RUN = frozenset({"cache", "htmlcov", "instance", "log", "logs", "media", "temp", "tmp", "uploads"})
"""Names of directories that hold what a run of the program left, not what a wheel should carry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """Generated files that the wheel lacks.

    Attributes:
        path: the topmost directory of them, or a glob of their kind (``app/**/*.mo``), relative to the root.
        is_directory: which of the two it is.
        files: the files, sorted.
        place: ``path`` as it would be installed; None where nothing tells.
        key: the setting that names them; None where git alone calls them generated.
    """

    path: str
    is_directory: bool
    files: tuple[str, ...]
    place: str | None
    key: str | None = None


def dropped(learned: Learned, rules: Rules, *, ignored: Callable[[str], bool]) -> tuple[Dropped, ...]:
    """Group what the last build saw and left out, by directory or kind.

    Args:
        learned: what the last build taught.
        rules: what is looked at in the tree.
        ignored: whether git ignores a path, a directory's with a ``/`` at its end.
    """
    carried = {content.digest for content in learned.wheel.values()}
    found: dict[tuple[str, bool, str | None], list[str]] = {}
    for source, content in learned.tree.items():
        # A twin of a carried file says nothing: it may be that one, installed under another name.
        if content.digest in carried or learned.origins.installed(source, learned.wheel):
            continue
        group = _by_setting(rules.artifacts, source) or _by_git(rules.packages, source, ignored)
        if group is not None:
            found.setdefault(group, []).append(source)
    return tuple(
        Dropped(
            path=path,
            is_directory=is_directory,
            files=tuple(sorted(files)),
            place=_place(learned, path),
            key=key,
        )
        for (path, is_directory, key), files in sorted(found.items(), key=lambda item: item[0][0])
    )


def _by_setting(artifacts: tuple[Artifact, ...], source: str) -> tuple[str, bool, str | None] | None:
    if not artifacts:
        return None
    patterns = tuple(artifact.pattern for artifact in artifacts)
    include, position = decide(patterns, source)
    if not include or position is None:
        return None
    artifact = artifacts[position]
    above = next((each for each in _directories(source) if decide((artifact.pattern,), each + "/").include), None)
    if above is None:
        plain = artifact.pattern.strip("/").removesuffix("/*").removesuffix("/**")
        if is_below(source, plain) and source != plain:
            above = plain
    return (above or source, above is not None, artifact.key)


def _by_git(
    packages: Iterable[str], source: str, ignored: Callable[[str], bool]
) -> tuple[str, bool, str | None] | None:
    package = next((each for each in packages if each and is_below(source, each)), None)
    if package is None:
        return None
    for directory in _directories(source):
        if len(directory) <= len(package):
            continue
        name = directory.rpartition("/")[2]
        if name in _OF_A_RUN or name.startswith("."):
            return None
        if ignored(directory + "/"):
            return directory, True, None
    kind = next((kind for kind in KINDS if source.endswith(kind)), None)
    if kind is not None and ignored(source):
        return f"{package}/**/*{kind}", False, None
    return None


def _directories(path: str) -> Iterator[str]:
    """Those above a path, topmost first."""
    parts = path.split("/")[:-1]
    return ("/".join(parts[: number + 1]) for number in range(len(parts)))


def _place(learned: Learned, path: str) -> str | None:
    return next((there for rule in learned.origins.rules if (there := rule.forward(path)) is not None), None)
