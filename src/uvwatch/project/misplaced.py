"""What of this workspace is installed from another directory: its environment was copied, moved or borrowed.

It knows by what name and where this workspace has its distributions. What is done about it is not known here.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from uvwatch.core.model import Distribution
from uvwatch.core.watchplan import is_below
from uvwatch.project.lock import LockedPackage, SourceKind
from uvwatch.project.pyproject import is_package, project_name
from uvwatch.project.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Misplaced:
    """A distribution as it is installed, and ``root``, the absolute directory where this workspace has it."""

    distribution: Distribution
    root: Path

    @property
    def name(self) -> str:
        """The distribution's normalised name."""
        return self.distribution.name

    def sentence(self, prefix: Path) -> str:
        """Say from where it was installed into the environment at ``prefix``."""
        return f"{self.name} in {prefix} was installed from {self.distribution.root}, not from {self.root}"


def find_misplaced(
    found: Iterable[Distribution], workspace: Workspace, locked: Callable[[], Mapping[str, LockedPackage]]
) -> tuple[Misplaced, ...]:
    """Those of the local distributions that this workspace has in another directory than they were installed from.

    Args:
        found: what is installed from local directories.
        workspace: the project by whose settings they are kept.
        locked: gives the packages of its uv.lock; asked only where a directory is none of its projects'.

    Raises:
        Fatal: as ``locked`` does.
    """
    own = project_name(workspace.pyproject) if is_package(workspace.pyproject) else None
    known = frozenset(map(str, (workspace.project, *workspace.members)))
    misplaced = []
    for each in found:
        if each.root in known:
            continue
        root = workspace.project if each.name == own else _inside(workspace.root, locked().get(each.name))
        if root is not None and os.path.realpath(each.root) != os.path.realpath(root):
            misplaced.append(Misplaced(distribution=each, root=root))
    return tuple(misplaced)


def _inside(root: Path, package: LockedPackage | None) -> Path | None:
    """Where a workspace itself holds a package; what lies outside of it may be installed from wherever one likes."""
    if package is None or package.path is None or package.source not in (SourceKind.EDITABLE, SourceKind.DIRECTORY):
        return None
    return package.path if is_below(str(package.path), str(root)) else None
