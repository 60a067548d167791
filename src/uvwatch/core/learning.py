"""What a build taught, where the tree may have moved while the backend read it.

It knows the tree as it was when the build began, as it is now, and what moved between. It must not know who moved it:
a build writes into the tree too. What cannot be known is a question, never a guess.
"""

from uvwatch.core.model import Content, Files
from uvwatch.core.origins import Origins, learn
from uvwatch.core.plan import Learned

UNKNOWN = Content(digest="", executable=False)
"""What the backend read of a file that moved: no file holds it, so that each state of the file is a question."""


def taught(
    wheel: Files,
    snapshot: Files,
    now: Files,
    *,
    moved: frozenset[str] = frozenset(),
    rewritten: frozenset[str] = frozenset(),
    last: Learned | None = None,
) -> Learned:
    """Learn that the tree, as the snapshot has it, makes this wheel (as installed).

    Of what moved, only two things are known. A new file that the wheel holds byte for byte was read, or written, by the
    build as it is now: once it goes, the wheel is another. A file that holds what it held before, and that the wheel
    does not contradict, was only touched; a wheel contradicts it that has other bytes, or lacks what the last one had
    (git removes a file for a moment when it writes it). All else may have been read as it was, as it is, or in between,
    and may be again what it was before anybody looks; and of a new file the wheel may have missed all.

    Args:
        wheel: what the backend built, or uv installed.
        snapshot: the tree when the build began.
        now: the tree after it.
        moved: paths of the tree that were written, added or removed between the two.
        rewritten: installed paths whose bytes the installer makes.
        last: what the build before taught, if there was one.
    """
    new = {path: now[path] for path in moved if path in now and path not in snapshot}
    origins = learn(wheel, {**snapshot, **new})
    tree = dict(snapshot)
    for path in moved & (snapshot.keys() | now.keys()):
        before, after, places = snapshot.get(path), now.get(path), origins.installed(path, wheel)
        if after is None or any(wheel[place].digest != after.digest for place in places):
            tree[path] = UNKNOWN
        elif before is None:
            tree[path] = after if places else UNKNOWN
        elif before != after or _is_missed(path, wheel, origins, last):
            tree[path] = UNKNOWN
    return Learned(tree=tree, wheel=wheel, origins=origins, rewritten=rewritten)


def _is_missed(path: str, wheel: Files, origins: Origins, last: Learned | None) -> bool:
    """Whether the wheel lacks a place of the file that the last one had, or might have had if it had known the file."""
    if last is None or path not in last.tree:
        places = {place for rule in origins.rules if (place := rule.forward(path)) is not None}
        return bool(places) and places.isdisjoint(wheel)
    return any(place not in wheel for place in last.origins.installed(path, last.wheel))
