"""Foreign files: what lies in an installed package's directory although no RECORD names it.

It lists the package's directories and reads RECORDs; it opens no other file and changes nothing. What to say about such
files is not known here.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from uvwatch.core import record
from uvwatch.core.foreign import foreign, package_roots
from uvwatch.core.model import Distribution
from uvwatch.core.rules import NEVER
from uvwatch.project.environment import Environment
from uvwatch.project.installed import site_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreign:
    """The foreign files of one distribution.

    ``files`` are relative to the directory ``site``, as RECORD would have them, sorted; ``sharing`` are the dist-info
    directories of others that install into the same package directories.
    """

    site: Path
    files: tuple[str, ...] = ()
    sharing: tuple[str, ...] = ()


def find_foreign(env: Environment, distribution: Distribution) -> Foreign:
    """Compare what lies in a distribution's package directories with its RECORD and, where need be, all others.

    A copy without a RECORD that can be read has none: nothing tells its own files from another's.
    """
    site = site_of(env, distribution)
    own = _named(site / distribution.dist_info)
    roots = package_roots(own)
    strange = foreign((path for root in roots for path in _files(site, root)), own)
    if not strange:
        return Foreign(site=site)
    # Only now, for it costs the reading of every RECORD: another distribution may install into the same directory.
    others: set[str] = set()
    sharing = []
    for dist_info in sorted(_dist_infos(site)):
        if dist_info.name != distribution.dist_info and (names := _named(dist_info, below=roots)):
            others |= names
            sharing.append(dist_info.name)
    return Foreign(site=site, files=foreign(strange, others), sharing=tuple(sharing))


def _dist_infos(site: Path) -> list[Path]:
    try:
        return [each for each in site.iterdir() if each.name.endswith(".dist-info")]
    except OSError:  # the environment is being removed
        return []


def _named(dist_info: Path, *, below: Iterable[str] | None = None) -> frozenset[str]:
    """The paths that a RECORD names, where ``below`` is given those in these directories; none if it is unreadable."""
    try:
        text = (dist_info / "RECORD").read_text(encoding="utf-8", errors="surrogateescape")
        if below is None:
            return frozenset(record.parse(text))
        tops = tuple(f"{root}/" for root in below)
        # Most have nothing there: a look for the bytes is cheaper than reading ten thousand rows of CSV.
        if not any(top in text for top in tops):
            return frozenset()
        return frozenset(path for path in record.parse(text) if path.startswith(tops))
    except (OSError, ValueError):
        return frozenset()


def _files(site: Path, directory: str) -> Iterator[str]:
    """All files below a directory of site-packages, links as files; what vanishes meanwhile was not there."""
    try:
        with os.scandir(os.path.join(site, directory)) as found:  # noqa: PTH118 - a str a file, thousands of them
            entries = list(found)
    except OSError:
        return
    for entry in entries:
        path = f"{directory}/{entry.name}"
        if not entry.is_dir(follow_symlinks=False):
            yield path
        elif entry.name not in NEVER:
            yield from _files(site, path)
