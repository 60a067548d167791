"""What a build left in the tree: found by two looks at the names, or known by its place, then taken away.

Some backends build inside the tree (setuptools' ``build/lib`` brings deleted files back in every later wheel:
pypa/setuptools#1871, whoever left it there). Nobody's file may be lost: only what is known for a build's leaving by its
name and shape is deleted, and only git-ignored files are moved, never one that git tracks. It must not know which
backend built.
"""

import filecmp
import os
import shutil
import subprocess
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_KEPT = 9
"""Files of one name that are kept aside beside the first: some builds leave another one each time."""

_PATIENCE = 30.0
_SKIPPED = frozenset({".git", "node_modules"})
_CACHE = "__pycache__"
_BUILD = "build"
_BDIST = "bdist."
_LIBRARY = ("lib", "lib.")
_NATIVE = (".so", ".pyd", ".dylib", ".dll")
_OF_SETUPTOOLS = ("lib/", "lib.", "bdist.", "temp.", "scripts-", "__editable__", "src.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleanup:
    """What was done, for the log: sorted paths relative to the tree, a directory's with ``/`` at its end."""

    deleted: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.deleted or self.moved)


def purge(root: str, *, compiled: bool, keep: Callable[[str], bool] = lambda _: False) -> tuple[str, ...]:
    """Remove what setuptools copied into ``build/lib*`` for an earlier wheel, or it comes back in the next one.

    Only in a ``build/`` of setuptools' shape (``lib*`` beside ``bdist.*`` and nothing strange) of which git tracks
    nothing. ``temp.*`` stays: what a compiler made there spares the next build its time.

    Args:
        root: the tree of a distribution that setuptools builds.
        compiled: remove extension modules, too; the next build links or compiles them again.
        keep: whether a file, relative to the tree, is somebody's and has to stay.

    Returns:
        What was removed, as it would have come back in a wheel: relative to ``lib*``, sorted.
    """
    build = Path(root, _BUILD)
    try:
        found = sorted(entry.name for entry in os.scandir(build)) if not build.is_symlink() else []
    except OSError:
        return ()
    if not _is_setuptools([name + "/" for name in found]) or not any(name.startswith(_BDIST) for name in found):
        return ()
    if _git(root, ["ls-files", "-z", "--", _BUILD]) != b"":
        return ()
    gone = []
    for library in (build / name for name in found if name == _LIBRARY[0] or name.startswith(_LIBRARY[1])):
        for below in _walk(str(library), ""):
            if below.endswith("/") or keep(f"{_BUILD}/{library.name}/{below}"):
                continue
            if compiled or not below.endswith(_NATIVE):
                with suppress(OSError):
                    (library / below).unlink()
                    gone.append(below)
    return tuple(sorted({*gone}))


def forget_file_lists(root: str) -> None:
    """Remove the list of files that setuptools left in ``*.egg-info/`` for an earlier wheel.

    A file that MANIFEST.in does not name any more comes back by it in the next one. In an unpacked source distribution,
    which has a PKG-INFO, the list is a source: it stands there for the repository that is not.
    """
    if Path(root, "PKG-INFO").exists():
        return
    for pattern in ("*.egg-info/SOURCES.txt", "*/*.egg-info/SOURCES.txt"):
        for found in Path(root).glob(pattern):
            path = found.relative_to(root).as_posix()
            if os.path.realpath(found) != os.path.join(os.path.realpath(root), path):  # noqa: PTH118 - as realpath
                continue  # a link leads there: it is another tree's
            if _git(root, ["ls-files", "-z", "--", path]) == b"":
                with suppress(OSError):
                    found.unlink()


def _is_setuptools(inside: Sequence[str]) -> bool:
    """Whether these, relative to a ``build/``, are such that setuptools may have made them all."""
    return bool(inside) and all(below.startswith(_OF_SETUPTOOLS) for below in inside)


def names(root: str) -> frozenset[str]:
    """The paths in a tree, relative to it, a directory's with ``/`` at its end.

    ``.git``, ``node_modules`` and environments (a directory with pyvenv.cfg) are left out, a ``__pycache__`` is named
    without its files, and links are not followed. What vanishes meanwhile is no error.
    """
    return frozenset(_walk(root, ""))


def _walk(root: str, below: str) -> Iterator[str]:
    try:
        with os.scandir(os.path.join(root, below)) as found:  # noqa: PTH118 - a str a file, tens of thousands of them
            entries = list(found)
    except OSError:
        return
    if below and any(entry.name == "pyvenv.cfg" for entry in entries):
        return
    for entry in entries:
        path = below + entry.name
        if not entry.is_dir(follow_symlinks=False):
            yield path
        elif entry.name not in _SKIPPED:
            yield path + "/"
            if entry.name != _CACHE:
                yield from _walk(root, path + "/")


def remove(
    root: str, before: Collection[str], aside: Path, *, keep: Callable[[str], bool] = lambda _: False
) -> Cleanup:
    """Take away what is in the tree now and was not before the build.

    ``build/`` (in setuptools' shape), ``*.egg-info/``, ``.eggs/`` and ``__pycache__/`` are deleted. Any other new file
    that git ignores is moved to the same path below ``aside``, with a number at its end where that is taken, up to
    nine: then it takes the place of the ninth. What lies there with the same bytes already is deleted. All else stays:
    what git tracks or does not ignore, and everything outside a git repository.

    Args:
        root: the tree.
        before: ``names`` of it before the build.
        aside: where files are moved; made when it is needed.
        keep: whether a new file is somebody's (an artifact that a generator wrote beside the build) and has to stay.

    What cannot be taken away (it is being written, it vanished) stays, and is not in the answer.
    """
    old = before if isinstance(before, frozenset) else frozenset(before)
    new = sorted(names(root) - old)
    known = _outermost(path for path in new if _is_leaving(new, path))
    others = [path for path in new if not path.endswith("/") and not path.startswith(known) and not keep(path)]
    deleted = tuple(path for path in known if _delete(root, path))
    moved = tuple(path for path in _ignored(root, others) if _move(root, path, aside))
    _prune(root, (path for path in reversed(new) if path.endswith("/")), moved)
    return Cleanup(deleted=deleted, moved=moved)


def _is_leaving(found: Sequence[str], path: str) -> bool:
    if not path.endswith("/"):
        return False
    name = path.rstrip("/").rpartition("/")[2]
    if name == _BUILD:
        # Frontend tools write their bundles to a build/ too, perhaps at this very moment.
        return _is_setuptools([below[len(path) :] for below in found if below != path and below.startswith(path)])
    return name in (_CACHE, ".eggs") or name.endswith(".egg-info")


def _outermost(paths: Iterator[str]) -> tuple[str, ...]:
    """Of sorted directories those that lie in none of the others."""
    found: list[str] = []
    for path in paths:
        if not found or not path.startswith(found[-1]):
            found.append(path)
    return tuple(found)


def _delete(root: str, path: str) -> bool:
    if _git(root, ["ls-files", "-z", "--", path]) != b"":
        return False
    where = Path(root, path)
    shutil.rmtree(where, ignore_errors=True)
    return not where.exists()


def _ignored(root: str, paths: list[str]) -> list[str]:
    """Of these paths those that git ignores; ``check-ignore`` itself leaves out what is tracked."""
    if not paths:
        return []
    said = _git(root, ["check-ignore", "-z", "--stdin"], b"".join(os.fsencode(path) + b"\0" for path in paths))
    return [os.fsdecode(path) for path in (said or b"").split(b"\0") if path]


def _git(root: str, arguments: list[str], text: bytes = b"") -> bytes | None:
    """What git says; nothing outside a repository; None where there is one and git could not be asked."""
    try:
        said = subprocess.run(  # noqa: S603 - fixed arguments, and names that end the options
            ["git", *arguments],  # noqa: S607 - the user's own git
            cwd=root,
            env={name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
            input=text,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        said = None
    if said is not None and said.returncode in (0, 1):
        return said.stdout
    where = Path(root).absolute()
    return None if any((each / ".git").exists() for each in (where, *where.parents)) else b""


def _move(root: str, path: str, aside: Path) -> bool:
    target, number = aside / path, 1
    try:
        while os.path.lexists(target):
            if filecmp.cmp(target, Path(root, path), shallow=False):
                Path(root, path).unlink()
                return True
            if number > _KEPT:
                break
            target, number = aside / f"{path}.{number}", number + 1
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(Path(root, path), target)
    except OSError:
        return False
    return True


def _prune(root: str, directories: Iterator[str], moved: tuple[str, ...]) -> None:
    """Remove new directories that held nothing but what was moved, the deepest first."""
    for directory in directories:
        if any(path.startswith(directory) for path in moved):
            with suppress(OSError):  # not empty, or gone
                Path(root, directory).rmdir()
