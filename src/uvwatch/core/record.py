"""RECORD, the list of what a distribution installed, as values: reading it and comparing what two of them name.

Sources: the packaging specs "Recording installed projects" and "Binary distribution format". This module knows the
format; it opens no file and knows nothing of trees or builds.
"""

import base64
import csv
import hashlib
import io
from collections.abc import Mapping
from typing import NamedTuple

from uvwatch.core.model import Content, Delta, Files

UV_FILES = frozenset({"INSTALLER", "REQUESTED", "direct_url.json", "uv_build.json", "uv_cache.json"})
"""What uv adds to dist-info beside the wheel's own files (uv: crates/uv-install-wheel, write_installer_metadata)."""


class Row(NamedTuple):
    """One row of RECORD: ``digest`` as ``sha256=...`` or empty, ``size`` in bytes or None where it is left out."""

    digest: str
    size: int | None


def parse(text: str) -> Mapping[str, Row]:
    """Read RECORD into path → row, in the order of the file.

    Raises:
        ValueError: a row has not three fields, no path, or a size that is no number.
    """
    rows: dict[str, Row] = {}
    try:
        for fields in csv.reader(io.StringIO(text, newline="")):
            if not fields:
                continue
            path, digest, size = fields
            if not path:
                raise ValueError("RECORD has a row without a path")
            rows[path] = Row(digest, int(size) if size else None)
    except csv.Error as error:
        raise ValueError(f"RECORD is not CSV: {error}") from error
    return rows


def encode(digest: bytes) -> str:
    """Write a SHA-256 digest as RECORD does: ``sha256=`` and URL-safe base64 without padding."""
    return "sha256=" + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def digest(data: bytes) -> str:
    """Hash bytes into RECORD's form."""
    return encode(hashlib.sha256(data).digest())


def in_dist_info(path: str) -> bool:
    """Whether a RECORD path lies in a ``*.dist-info`` directory directly under site-packages."""
    top, slash, _rest = path.partition("/")
    return bool(slash) and top.endswith(".dist-info")


def is_sbom(path: str) -> bool:
    """Whether this is a bill of materials (PEP 770), which maturin gives a new number and the time in each build."""
    return in_dist_info(path) and path.partition("/")[2].startswith("sboms/")


def by_installer(path: str) -> bool:
    """Whether an installer, not the wheel, is the author of this file: RECORD itself and what uv keeps in dist-info."""
    return in_dist_info(path) and path.partition("/")[2] in UV_FILES | {"RECORD"}


def of_the_wheel(files: Mapping[str, Content]) -> dict[str, Content]:
    """Leave out what the installer wrote by itself."""
    return {path: content for path, content in files.items() if not by_installer(path)}


def delta(before: Files, after: Files) -> Delta:
    """What changed between two installed copies, without what the installer rewrites each time."""
    old, new = of_the_wheel(before), of_the_wheel(after)
    return Delta(
        added=tuple(sorted(new.keys() - old.keys())),
        changed=tuple(sorted(path for path in new.keys() & old.keys() if new[path] != old[path])),
        removed=tuple(sorted(old.keys() - new.keys())),
    )
