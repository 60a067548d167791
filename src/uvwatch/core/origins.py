"""Which installed file came from which file of the tree.

The build backend alone knows, and it does not tell; so it is learned from what it built: equal bytes make a pair, pairs
make directory rules (``src/pkg/`` became ``pkg/``), and the rules decide between twins. What stays ambiguous or
contradicts a better-supported rule has no origin: a wrong origin would put the wrong bytes in place.

This module knows contents and paths; it does not know what a backend is, or what will be done with an origin.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from uvwatch.core.model import Files


class Rule(NamedTuple):
    """A directory of the tree and the directory that it becomes when installed; ``""`` is the top of either side."""

    tree: str
    installed: str

    def forward(self, path: str) -> str | None:
        """Where a file of the tree would be installed by this rule; None when it does not lie in ``tree``."""
        return _move(path, self.tree, self.installed)

    def backward(self, path: str) -> str | None:
        """Which file of the tree would be installed as this one; None when it does not lie in ``installed``."""
        return _move(path, self.installed, self.tree)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origins:
    """What was learned: ``of`` maps an installed path to its file in the tree; ``rules``, best supported first."""

    of: Mapping[str, str]
    rules: tuple[Rule, ...]

    def installed(self, source: str, among: Iterable[str] | Mapping[str, object]) -> tuple[str, ...]:
        """Where a file of the tree stands, or would stand by the rules, among the installed paths given."""
        found = (rule.forward(source) for rule in self.rules)
        return tuple(dict.fromkeys(path for path in found if path is not None and path in among))

    def source(self, path: str, among: Mapping[str, object]) -> str | None:
        """The file of the tree that an installed path came from, or would by the rules, if the tree has it."""
        known = self.of.get(path)
        if known is not None and known in among:
            return known
        return next((s for rule in self.rules if (s := rule.backward(path)) is not None and s in among), None)

    def packages(self) -> frozenset[str]:
        """The topmost directories of the tree below the rules' own that carry installed files."""
        tops = set()
        for source in self.of.values():
            for rule in self.rules:
                rest = _move(source, rule.tree, "")
                if rest is not None and "/" in rest and rule.forward(source) in self.of:
                    tops.add("/".join(filter(None, (rule.tree, rest.partition("/")[0]))))
                    break
        return frozenset(tops)


NOTHING = Origins(of={}, rules=())


def learn(installed: Files, tree: Files) -> Origins:
    """Match installed files to the tree's: by bytes where unique, else by the rules that the unique pairs teach."""
    sources, targets = _by_digest(tree), _by_digest(installed)
    unique = {
        found[0]: sources[digest][0]
        for digest, found in targets.items()
        if len(found) == 1 and len(sources.get(digest, ())) == 1
    }
    support = Counter(rule for target, source in unique.items() if (rule := _rule(source, target)) is not None)
    support += _teach_by_twins(targets, sources) if not support else Counter()
    ranked = sorted(support, key=lambda rule: (-support[rule], rule))
    of = {
        target: source
        for target, source in unique.items()
        if not _contradicted(source, target, ranked, support, installed, tree)
    }
    kept = {rule for target, source in of.items() if (rule := _rule(source, target)) is not None}
    rules = tuple(rule for rule in ranked if rule in kept or not unique)
    for digest, found in targets.items():
        twins = set(sources.get(digest, ()))
        if not twins or (len(found) == 1 and len(twins) == 1):
            continue
        for target in found:
            explained = {s for rule in rules if (s := rule.backward(target)) in twins}
            if len(explained) == 1:
                of[target] = explained.pop()
    return Origins(of=of, rules=rules)


def _teach_by_twins(targets: Mapping[str, list[str]], sources: Mapping[str, list[str]]) -> Counter[Rule]:
    """Learn from twins when nothing is unique (a package of empty files): the rule that most agree on, if any."""
    votes = Counter(
        rule
        for digest, found in targets.items()
        for target in found
        for rule in {_rule(source, target) for source in sources.get(digest, ())}
        if rule is not None
    )
    best = votes.most_common(2)
    if not best or (len(best) > 1 and best[0][1] == best[1][1]):
        return Counter()
    return Counter({best[0][0]: best[0][1]})


def _contradicted(
    source: str, target: str, ranked: Iterable[Rule], support: Mapping[Rule, int], installed: Files, tree: Files
) -> bool:
    """Whether a better-supported rule says that one of the pair belongs to somebody else who is there."""
    own = support.get(_rule(source, target) or Rule("\0", "\0"), 0)
    for rule in ranked:
        if support[rule] <= own:
            return False
        other_target, other_source = rule.forward(source), rule.backward(target)
        if (other_target in installed and other_target != target) or (other_source in tree and other_source != source):
            return True
    return False


def _by_digest(files: Files) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for path, content in files.items():
        found[content.digest].append(path)
    return found


def _rule(source: str, target: str) -> Rule | None:
    """Strip the longest common trailing parts; None when not even the names agree."""
    left, right = source.split("/"), target.split("/")
    while left and right and left[-1] == right[-1]:
        left.pop()
        right.pop()
    if len(left) == source.count("/") + 1:
        return None
    return Rule("/".join(left), "/".join(right))


def _move(path: str, before: str, after: str) -> str | None:
    if not before:
        rest = path
    elif path.startswith(before + "/"):
        rest = path[len(before) + 1 :]
    else:
        return None
    return f"{after}/{rest}" if after else rest
