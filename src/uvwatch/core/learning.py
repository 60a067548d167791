"""What a build taught, where the tree may have moved while the backend read it.

It knows the tree as it was when the build began, as it is now, and what moved between. It must not know who moved it:
a build writes into the tree too. What cannot be known is a question, never a guess.
"""

from collections.abc import Mapping

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
) -> Learned:
    """Learn that the tree, as the snapshot has it, makes this wheel (as installed).

    Of what moved, only two things are known. A new file that the wheel holds byte for byte was read, or written, by the
    build as it is now: once it goes, the wheel is another. A file that holds what it held before, and that the wheel
    does not contradict, was only touched. All else may have been read as it was, as it is, or in between, and may be
    again what it was before anybody looks; and of a new file the wheel may have missed all.

    Args:
        wheel: what the backend built, or uv installed.
        snapshot: the tree when the build began.
        now: the tree after it.
        moved: paths of the tree that were written, added or removed between the two.
        rewritten: installed paths whose bytes the installer makes.
    """
    new = {path: now[path] for path in moved if path in now and path not in snapshot}
    origins = learn(wheel, {**snapshot, **new})
    tree = dict(snapshot)
    for path in moved & (snapshot.keys() | now.keys()):
        tree[path] = _read(path, snapshot.get(path), now.get(path), wheel, origins)
    return Learned(tree=tree, wheel=wheel, origins=origins, rewritten=rewritten)


def _read(
    path: str, before: Content | None, after: Content | None, wheel: Mapping[str, Content], origins: Origins
) -> Content:
    places = origins.installed(path, wheel)
    if after is None or any(wheel[place].digest != after.digest for place in places):
        return UNKNOWN
    return after if before == after or (before is None and places) else UNKNOWN
