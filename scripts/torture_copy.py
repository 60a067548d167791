"""The installed copy of one distribution as values, and how two copies differ.

Reads an environment through RECORD (binary distribution format specification); knows nothing of uv's or of uvwatch's
ways, but for the files in dist-info that may differ between two installations of the same wheel.
"""

import base64
import csv
import hashlib
import re
import stat
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

TIMES = "uv_cache.json"
"""Holds the time of uv's installation."""

_SBOMS = ".dist-info/sboms/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """What is installed: ``files`` by their path in RECORD with permission bits and bytes, ``rows`` of RECORD.

    ``entries`` are all names in site-packages, and all that lies below the distribution's own top names, directories
    too: what RECORD does not know would be seen there. ``broken`` are rows that their own file contradicts.
    """

    files: Mapping[str, tuple[int, bytes]]
    rows: frozenset[tuple[str, str, str]]
    entries: frozenset[str]
    broken: tuple[str, ...]


def read(prefix: Path, name: str) -> Copy:
    """Read the copy of a distribution in the environment at ``prefix``.

    Raises:
        ValueError: there is not exactly one of this name.
        FileNotFoundError: a file that RECORD names is missing.
    """
    (site,) = prefix.glob("lib/python*/site-packages")
    (record,) = site.glob(f"{name}-*.dist-info/RECORD")
    with record.open(encoding="utf-8", newline="") as stream:
        rows = [(row[0], row[1], row[2]) for row in csv.reader(stream)]
    files = {path: (stat.S_IMODE((site / path).stat().st_mode), (site / path).read_bytes()) for path, _, _ in rows}
    return Copy(
        files={path: (mode, _content(path, held, prefix)) for path, (mode, held) in files.items()},
        rows=frozenset(_row(path, digest, size) for path, digest, size in rows),
        entries=frozenset(_entries(site, {path.split("/")[0] for path, _, _ in rows} - {".."})),
        broken=tuple(sorted(path for path, digest, size in rows if not _true(digest, size, files[path][1]))),
    )


def _true(digest: str, size: str, held: bytes) -> bool:
    """Whether a row tells what the file holds; RECORD's own row tells nothing."""
    if not digest:
        return True
    found = base64.urlsafe_b64encode(hashlib.sha256(held).digest()).rstrip(b"=").decode()
    return (digest, size) == (f"sha256={found}", str(len(held)))


def _content(path: str, held: bytes, prefix: Path) -> bytes:
    """What must be equal of a file: not times, not who wrote the wheel, not the environment's own path.

    A bill of materials has a random number and the time of its build.
    """
    if path.endswith((f".dist-info/{TIMES}", ".dist-info/RECORD")):
        return b""
    if path.endswith(".dist-info/WHEEL"):
        return b"".join(line for line in held.splitlines(keepends=True) if not line.startswith(b"Generator:"))
    if _SBOMS in path:
        return re.sub(rb'"(serialNumber|timestamp)": *"[^"]*"', b"", held)
    return held.replace(bytes(prefix), b"PREFIX") if path.startswith("../") else held


def _row(path: str, digest: str, size: str) -> tuple[str, str, str]:
    """A row as it must be equal: hashes of what ``_content`` normalises say nothing."""
    free = path.startswith("../") or path.endswith((f".dist-info/{TIMES}", ".dist-info/WHEEL")) or _SBOMS in path
    return (path, "", "") if free else (path, digest, size)


def _entries(site: Path, tops: set[str]) -> Iterator[str]:
    for entry in site.iterdir():
        if entry.name == "__pycache__":
            continue
        yield entry.name
        if entry.name in tops and entry.is_dir():
            for path in entry.rglob("*"):
                if "__pycache__" not in path.parts:
                    yield path.relative_to(site).as_posix() + ("/" if path.is_dir() else "")


def unlike(one: Copy, other: Copy) -> frozenset[str]:
    """The files that both copies have, with other bytes."""
    return frozenset(path for path in one.files.keys() & other.files.keys() if one.files[path] != other.files[path])


def without_bytes(copy: Copy, paths: Collection[str]) -> Copy:
    """A copy of which nothing is said about what these files hold."""
    return replace(
        copy,
        files={path: (mode, b"" if path in paths else held) for path, (mode, held) in copy.files.items()},
        rows=frozenset((row[0], "", "") if row[0] in paths else row for row in copy.rows),
    )


def differences(ours: Copy, theirs: Copy) -> list[str]:
    """Say in a sentence each how our copy is not the other; nothing where they are equal."""
    found = [f"RECORD contradicts the file: {path}" for path in ours.broken]
    found += [f"RECORD has the row {','.join(row)}" for row in sorted(ours.rows - theirs.rows)]
    found += [f"RECORD lacks the row {','.join(row)}" for row in sorted(theirs.rows - ours.rows)]
    found += [f"in site-packages, and should not be: {path}" for path in sorted(ours.entries - theirs.entries)]
    found += [f"not in site-packages: {path}" for path in sorted(theirs.entries - ours.entries)]
    for path in sorted(ours.files.keys() & theirs.files.keys()):
        (our_mode, our_bytes), (their_mode, their_bytes) = ours.files[path], theirs.files[path]
        if our_mode != their_mode:
            found.append(f"mode {our_mode:o} where uv has {their_mode:o}: {path}")
        if our_bytes != their_bytes:
            found.append(f"other bytes ({len(our_bytes)} where uv has {len(their_bytes)}): {path}")
    return found
