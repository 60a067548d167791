"""Which environment a command means, and where its daemon would be met: a light reading of what ``keeping.site`` reads.

The rules are those of ``project.workspace`` and ``project.environment``, by the same code. It changes nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from uvwatch.project.environment import locate
from uvwatch.project.pyproject import BrokenPyproject
from uvwatch.project.rendezvous import Rendezvous, rendezvous_of
from uvwatch.project.workspace import Root, find_project, find_root


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An environment, which need not exist yet, and where its programs meet."""

    prefix: Path
    rendezvous: Rendezvous


def find_place(project: Path, environ: Mapping[str, str], *, environment: Path | None, active: bool) -> Place:
    """Find the environment that the daemon of a project keeps.

    A pyproject.toml that does not parse hides the workspace root. The daemon goes on with the last good one, so it is
    looked for in this directory and those above.

    Raises:
        Fatal: there is no project, or no environment could be meant; as ``keeping.site.find_site``.
    """
    try:
        return _place(find_root(project), environ, environment=environment, active=active)
    except BrokenPyproject:
        for root in _roots(find_project(project)):
            place = _place(root, environ, environment=environment, active=active)
            if place.rendezvous.socket.exists():
                return place
        raise


def _place(root: Root, environ: Mapping[str, str], *, environment: Path | None, active: bool) -> Place:
    prefix = locate(root, environ, environment=environment, active=active)
    return Place(prefix=prefix, rendezvous=rendezvous_of(prefix, environ))


def _roots(project: Path) -> Iterator[Root]:
    for each in (project, *project.parents):
        if (each / "pyproject.toml").is_file():
            yield Root(root=each, project=project, pyproject={}, root_pyproject={})
