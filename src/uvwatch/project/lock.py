"""uv.lock: which packages it names and where they come from.

It knows the part of the format that has been stable since version 1. It must not know whether the lock is up to date:
only uv can say.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from uvwatch.errors import Fatal
from uvwatch.project.pyproject import read_pyproject, table


class SourceKind(Enum):
    """Where a locked package comes from; the values are the keys of ``source`` in uv.lock.

    The first three are local directories: ``VIRTUAL`` ones are never installed.
    """

    EDITABLE = "editable"
    DIRECTORY = "directory"
    VIRTUAL = "virtual"
    PATH = "path"
    URL = "url"
    GIT = "git"
    REGISTRY = "registry"


_LOCAL = (SourceKind.EDITABLE, SourceKind.DIRECTORY, SourceKind.VIRTUAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedPackage:
    """One package of uv.lock: ``path`` is absolute and set for local directories and files alone."""

    name: str
    version: str | None
    source: SourceKind
    path: Path | None

    @property
    def is_local(self) -> bool:
        """Whether it is a local directory, virtual or not."""
        return self.source in _LOCAL


class NoLock(Fatal):
    """There is no uv.lock."""


def locked(root: Path) -> Mapping[str, LockedPackage]:
    """The packages of ``root/uv.lock`` by normalised name; of several with one name the local one.

    Packages whose source is of a kind that is not known here are left out.

    Raises:
        NoLock: there is no such file.
        BrokenPyproject: it cannot be read or does not parse.
        Fatal: it holds no list of packages where one should be.
    """
    path = root / "uv.lock"
    if not path.exists():
        raise NoLock(f"no uv.lock in {root}: run `uv lock` first")
    packages = read_pyproject(path).get("package", [])
    if not isinstance(packages, list) or not all(isinstance(each, Mapping) for each in packages):
        raise Fatal(f"{path}: is not a lock file of uv's: run `uv lock`")
    found: dict[str, LockedPackage] = {}
    for each in packages:
        package = _package(root, each)
        if package is not None and (package.name not in found or package.is_local):
            found[package.name] = package
    return found


def _package(root: Path, entry: Mapping[str, Any]) -> LockedPackage | None:
    name, version = entry.get("name"), entry.get("version")
    source = table(entry, "source")
    kind = next((kind for kind in SourceKind if isinstance(source.get(kind.value), str)), None)
    if not isinstance(name, str) or kind is None:
        return None
    place = Path(os.path.normpath(root / source[kind.value])) if kind in (*_LOCAL, SourceKind.PATH) else None
    return LockedPackage(
        name=canonicalize_name(name),
        version=version if isinstance(version, str) else None,
        source=kind,
        path=place,
    )
