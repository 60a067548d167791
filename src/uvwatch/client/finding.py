"""Which environment a command means, and where its daemon would be met: a light reading of what ``keeping.site`` reads.

The rules are those of ``project.workspace`` and ``project.environment``, by the same code. It changes nothing.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from uvwatch.errors import Fatal
from uvwatch.project.environment import locate
from uvwatch.project.rendezvous import Rendezvous, rendezvous_of
from uvwatch.project.workspace import Root, find_root


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An environment, which need not exist yet, and where its programs meet."""

    prefix: Path
    rendezvous: Rendezvous


def find_place(project: Path, environ: Mapping[str, str], *, environment: Path | None, active: bool) -> Place:
    """Find the environment that the daemon of a project keeps.

    A pyproject.toml that does not parse, is empty or gone hides the workspace root. The daemon goes on with the last
    good one, so it is looked for in this directory and those above.

    Raises:
        Fatal: there is no project, or no environment could be meant; as ``keeping.site.find_site``.
    """
    try:
        return _place(find_root(project), environ, environment=environment, active=active)
    except Fatal:
        for root in _roots(project):
            place = _place(root, environ, environment=environment, active=active)
            if place.rendezvous.socket.exists():
                return place
        raise


def _place(root: Root, environ: Mapping[str, str], *, environment: Path | None, active: bool) -> Place:
    prefix = locate(root, environ, environment=environment, active=active)
    return Place(prefix=prefix, rendezvous=rendezvous_of(prefix, environ))


def _roots(start: Path) -> Iterator[Root]:
    start = Path(os.path.abspath(start))  # noqa: PTH100 - as find_project
    if os.path.isdir(start):  # noqa: PTH112 - it does not raise
        for each in (start, *start.parents):
            yield Root(root=each, project=start, pyproject={}, root_pyproject={})
