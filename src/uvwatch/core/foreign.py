"""Which files of an installed package no installer put there, told from names alone.

An application that runs from its installed copy writes beside it: Django's ``makemigrations`` and ``collectstatic`` do.
No RECORD names such a file, so no build carries it and no installer removes it. This module knows RECORD's paths; it
lists no directory.
"""

from collections.abc import Collection, Iterable

from uvwatch.core.record import in_dist_info
from uvwatch.core.rules import NEVER, never_by_name


def package_roots(recorded: Iterable[str]) -> tuple[str, ...]:
    """The topmost directories in which a distribution has files of its own, sorted.

    A namespace package (PEP 420) holds none, so the root lies below it, where no other distribution's files are; what
    lies outside of site-packages (``../../../bin/x``), and dist-info, is no package.
    """
    directories = {
        path.rpartition("/")[0]
        for path in recorded
        if "/" in path and not path.startswith(("/", "../")) and not in_dist_info(path)
    }
    kept = {path for path in directories if NEVER.keys().isdisjoint(path.split("/"))}
    return tuple(sorted(path for path in kept if kept.isdisjoint(_above(path))))


def foreign(listed: Iterable[str], named: Collection[str]) -> tuple[str, ...]:
    """Of the files in packages those that no RECORD names, sorted; compiled Python and temporary files are nobody's."""
    return tuple(sorted(path for path in listed if path not in named and not never_by_name(path.rpartition("/")[2])))


def _above(path: str) -> Iterable[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path
