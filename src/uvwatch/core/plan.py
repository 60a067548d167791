"""Whether a distribution is fresh, and what shall be done if not: the decision, with its reason in words.

What was learned at the last build says what the tree made then. As long as the tree holds the same, the comparison of
that wheel with the installed files is the whole truth. A changed file that stands in the wheel byte for byte is stale
for certain; what only the backend can know (is a new file in the wheel? does a template shape one?) is ``ASK``: build
and compare. This module knows files by path and content only; it neither reads, builds nor installs.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from uvwatch.core.model import Batch, Files, Stale, Why
from uvwatch.core.origins import Origins
from uvwatch.core.patterns import decide
from uvwatch.core.record import in_dist_info, is_sbom

NAMED = 3

AS_BUILT = "the installed copy is what the tree builds"
"""Why nothing is to be done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What the last build taught: from ``tree`` the backend made ``wheel`` (as installed), by these ``origins``.

    ``rewritten`` are installed paths whose bytes the installer makes (console scripts): only their presence counts.
    """

    tree: Files
    wheel: Files
    origins: Origins
    rewritten: frozenset[str] = field(default_factory=frozenset)


class Standing(Enum):
    """How an installed copy stands to its tree."""

    FRESH = "fresh"
    STALE = "stale"
    ASK = "ask"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A standing and its reason; ``stale`` names the files, all of them only when ``complete``."""

    standing: Standing
    reason: str
    stale: tuple[Stale, ...] = ()
    complete: bool = False


def difference(before: Files, after: Files, *, seen: Iterable[str] = ()) -> Batch:
    """Compare two states of a tree by content; ``seen`` are paths whose signature changed, whatever their bytes."""
    if before is after:
        return Batch(touched=tuple(sorted(path for path in {*seen} if path in after)))
    added = after.keys() - before.keys()
    removed = before.keys() - after.keys()
    changed = {path for path in after.keys() & before.keys() if after[path] != before[path]}
    touched = {path for path in seen if path in after} - added - changed
    return Batch(
        added=tuple(sorted(added)),
        changed=tuple(sorted(changed)),
        removed=tuple(sorted(removed)),
        touched=tuple(sorted(touched)),
    )


def compare(learned: Learned, installed: Files) -> tuple[Stale, ...]:
    """Name each installed file that is not as the wheel has it.

    ``WHEEL`` is passed over where both have it: uv's own uv_build and the package of that name sign it differently,
    and a tag that changed shows in the files. So is a bill of materials: it is another one after each build, and what
    it lists is in the files.
    """
    found = []
    for path, content in learned.wheel.items():
        there = installed.get(path)
        if there is None:
            why = Why.METADATA if in_dist_info(path) else Why.MISSING
        elif there == content or path in learned.rewritten or _is_wheel_file(path) or is_sbom(path):
            continue
        else:
            why = Why.METADATA if in_dist_info(path) else Why.DIFFERS
        found.append(Stale(path=path, source=learned.origins.source(path, learned.tree), why=why))
    found += [
        Stale(path=path, source=None, why=Why.METADATA if in_dist_info(path) else Why.EXTRA)
        for path in installed.keys() - learned.wheel.keys()
    ]
    return tuple(sorted(found, key=lambda stale: stale.path))


def judge(learned: Learned | None, tree: Files, installed: Files) -> Judgement:
    """Decide from what is known without a build.

    ``installed`` leaves out what the installer wrote by itself (``record.of_the_wheel``).
    """
    if learned is None:
        return Judgement(standing=Standing.ASK, reason="not built since uvwatch first saw it")
    batch = _unexplained(learned, difference(learned.tree, tree), tree)
    if not batch.differs:
        stale = compare(learned, installed)
        if stale:
            return Judgement(standing=Standing.STALE, reason=describe(stale), stale=stale, complete=True)
        return Judgement(standing=Standing.FRESH, reason=AS_BUILT, complete=True)
    certain = _certain(learned, batch, tree, installed)
    if certain:
        return Judgement(standing=Standing.STALE, reason=_because("in the wheel", certain), stale=certain)
    likely = _beside_wheel_files(learned, batch.added)
    if likely:
        return Judgement(standing=Standing.STALE, reason=f"new beside files of the wheel: {name_some(likely)}")
    return Judgement(
        standing=Standing.ASK, reason=f"the backend alone knows what {name_some(batch.paths)} means for the wheel"
    )


def _unexplained(learned: Learned, batch: Batch, tree: Files) -> Batch:
    """Leave out new files that the last build wrote into the tree itself: the wheel holds them byte for byte."""

    def explained(path: str) -> bool:
        places = learned.origins.installed(path, learned.wheel)
        return bool(places) and all(learned.wheel[place].digest == tree[path].digest for place in places)

    return replace(batch, added=tuple(path for path in batch.added if not explained(path)))


def _certain(learned: Learned, batch: Batch, tree: Files, installed: Files) -> tuple[Stale, ...]:
    found = []
    for source in (*batch.changed, *batch.removed):
        for path in learned.origins.installed(source, learned.wheel):
            now, there = tree.get(source), installed.get(path)
            if now is None and there is not None:
                found.append(Stale(path=path, source=source, why=Why.EXTRA))
            elif now is not None and there != now:
                found.append(Stale(path=path, source=source, why=Why.DIFFERS if there else Why.MISSING))
    return tuple(found)


def _beside_wheel_files(learned: Learned, paths: Iterable[str]) -> list[str]:
    """Keep the paths of which the nearest directory that held any file had all its files in the wheel.

    A guess that costs one reinstall if wrong, once: then the file is known as one that the wheel leaves out, and its
    directory as mixed.
    """
    sources = set(learned.origins.of.values())
    carried: dict[str, bool] = {}
    for known in learned.tree:
        directory = known.rpartition("/")[0]
        carried[directory] = carried.get(directory, True) and known in sources
    return [path for path in paths if next((carried[above] for above in _above(path) if above in carried), False)]


def _above(path: str) -> Iterator[str]:
    while path:
        path = path.rpartition("/")[0]
        yield path


def patch_of(
    learned: Learned, tree: Files, *, build_inputs: tuple[str, ...], dynamic: bool
) -> Mapping[str, tuple[str, ...]]:
    """The changed files that may be put in place without a build, and where; empty if a build is needed.

    Only where every change is one of bytes, each changed file stands in the wheel byte for byte, the last wheel held
    nothing of the build's own making outside dist-info, metadata cannot be read from what changed, and whether it is
    executable is as it was, and as it is in the wheel.

    Args:
        learned: what the last build taught.
        tree: what the tree holds now.
        build_inputs: gitignore patterns of the files that shape the wheel.
        dynamic: whether the project leaves metadata to the backend, which may read it from any module.
    """
    batch = difference(learned.tree, tree)
    if batch.added or batch.removed:
        return {}
    origins = learned.origins.of
    if any(path not in origins and path not in learned.rewritten and not in_dist_info(path) for path in learned.wheel):
        return {}
    places: dict[str, list[str]] = {source: [] for source in batch.changed}
    for path, source in origins.items():
        if source in places:
            places[source].append(path)
    for source, found in places.items():
        if not found or any(map(in_dist_info, found)) or decide(build_inputs, source).include:
            return {}
        if dynamic and source.endswith(".py"):
            return {}
        # Of the executable bit each backend has its own rule: setuptools takes it from modules.
        bits = {
            tree[source].executable,
            learned.tree[source].executable,
            *(learned.wheel[each].executable for each in found),
        }
        if len(bits) > 1:
            return {}
    return {source: tuple(found) for source, found in places.items()}


def suffices(learned: Learned, installed: Files, places: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether the installed copy is as the last wheel has it but for these places: another program may write there."""
    patched = {path for found in places.values() for path in found}
    return all(stale.path in patched for stale in compare(learned, installed))


def concerns_compiler(learned: Learned | None, tree: Files) -> bool:
    """Whether a compiler may have read something that is another now than at the last build.

    Backends look at the sources that they were told of, not at the headers that these include; so only changes of
    modules that stand in the wheel are known to be none of a compiler's business.
    """
    if learned is None:
        return True
    batch = difference(learned.tree, tree)
    if batch.added or batch.removed:
        return True
    return not all(path.endswith(".py") and learned.origins.installed(path, learned.wheel) for path in batch.changed)


def describe(stale: tuple[Stale, ...]) -> str:
    """Say how many files are stale and why, such as ``257 missing, 1 differs``."""
    counts: Mapping[Why, int] = {why: sum(1 for each in stale if each.why is why) for why in Why}
    return ", ".join(f"{count} {why.value}" for why, count in counts.items() if count)


def name_some(paths: Iterable[str]) -> str:
    """Name the first few paths and count the rest."""
    every = list(paths)
    more = len(every) - NAMED
    return ", ".join(every[:NAMED]) + (f" and {more} more" if more > 0 else "")


def _because(where: str, stale: tuple[Stale, ...]) -> str:
    return f"{where}: {name_some(dict.fromkeys(each.source or each.path for each in stale))}"


def _is_wheel_file(path: str) -> bool:
    return in_dist_info(path) and path.endswith(".dist-info/WHEEL")
