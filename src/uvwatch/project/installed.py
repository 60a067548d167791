"""What is installed from local directories: which distributions, and the bytes of their files.

Sources: the packaging specs "Recording installed projects" and "Direct URL" (PEP 610). It knows site-packages and must
not know trees, builds or what ought to be installed.
"""

import errno
import json
import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from packaging.utils import canonicalize_name

from uvwatch.core import record
from uvwatch.core.model import Delta, Distribution, Known
from uvwatch.errors import Fatal
from uvwatch.project import files
from uvwatch.project.environment import Environment

_NOT_THERE = frozenset({
    errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EINVAL, errno.ELOOP, errno.ENAMETOOLONG
})  # fmt: skip
"""What opening a RECORD path says where no regular file is: nothing is installed under that name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledCopy:
    """The files of one installed distribution, by the path that RECORD has for them.

    ``record`` is what RECORD says, itself included, and ``digest`` that of its bytes; ``files`` what the disk holds,
    without RECORD; ``missing`` is named by RECORD and not on disk. ``whole`` is whether RECORD is there, parses and
    lists itself; else all are empty.
    """

    record: Mapping[str, record.Row]
    files: Mapping[str, Known]
    missing: tuple[str, ...]
    whole: bool
    digest: str = ""


NOT_WHOLE = InstalledCopy(record={}, files={}, missing=(), whole=False)


def local_distributions(env: Environment) -> tuple[Distribution, ...]:
    """What is installed from a local directory, editable or not, sorted by name.

    What cannot be read, or was not written by an installer that keeps to the specs, is left out. Of two dist-info
    directories of one name, as an interrupted update leaves them, the one with a RECORD is taken, else the younger.
    """
    found: dict[str, tuple[tuple[bool, int], Distribution]] = {}
    for site in env.libraries:
        for dist_info in _dist_infos(site):
            distribution = _distribution(dist_info)
            if distribution is None:
                continue
            rank = _rank(dist_info)
            if distribution.name not in found or rank > found[distribution.name][0]:
                found[distribution.name] = (rank, distribution)
    return tuple(found[name][1] for name in sorted(found))


def site_of(env: Environment, distribution: Distribution) -> Path:
    """The library directory that holds the distribution's dist-info, to which its RECORD is relative.

    Where an environment has two (``lib`` and ``lib64``), a wheel's ``Root-Is-Purelib`` chose one at its installation.
    """
    if env.platlib == env.purelib:
        return env.purelib
    return env.platlib if (env.platlib / distribution.dist_info).is_dir() else env.purelib


def select(distributions: Iterable[Distribution], names: Iterable[str] | None) -> tuple[Distribution, ...]:
    """Those of the given names, in whatever spelling, in their own order; all of them for None.

    Raises:
        Fatal: no distribution has such a name.
    """
    distributions = tuple(distributions)
    if names is None:
        return distributions
    wanted = {canonicalize_name(name): name for name in names}
    known = [each.name for each in distributions]
    for name, spelled in wanted.items():
        if name not in known:
            there = f"there are {', '.join(known)}" if known else "there is none"
            raise Fatal(f"no local distribution {spelled} is installed: {there}")
    return tuple(each for each in distributions if each.name in wanted)


def read_installed(env: Environment, distribution: Distribution, before: InstalledCopy = NOT_WHOLE) -> InstalledCopy:
    """Read the real contents of every file in RECORD; what is as it was in ``before``, by signature, is not opened.

    ``before`` itself is returned where all is as it was.

    Raises:
        OSError: a file is there and cannot be read.
    """
    site = site_of(env, distribution)
    own = f"{distribution.dist_info}/RECORD"
    data = _bytes(site / own)
    digest = "" if data is None else record.digest(data)
    rows = before.record if data is not None and digest == before.digest else _rows(data)
    if rows is None or own not in rows:
        return NOT_WHOLE
    if rows is before.record and before.whole and not before.missing and files.are_as_known(str(site), before.files):
        return before
    contents: dict[str, Known] = {}
    missing: list[str] = []
    top = f"{site}/"
    for path in rows:
        if path == own:
            continue
        # Concatenation makes ten thousand files cheap; os.path.join knows absolute paths, which the spec allows.
        is_plain = path[0] != "/" and path[1:2] != ":"
        place = top + path if is_plain else os.path.join(site, path)  # noqa: PTH118
        try:
            contents[path] = files.read_again_if_changed(place, before.files.get(path))
        except OSError as error:
            if error.errno not in _NOT_THERE:
                raise
            missing.append(path)
        except ValueError:  # a NUL, which no file name has
            missing.append(path)
    return InstalledCopy(record=rows, files=contents, missing=tuple(missing), whole=True, digest=digest)


def reread(env: Environment, distribution: Distribution, copy: InstalledCopy, delta: Delta) -> InstalledCopy:
    """Read again what was just put in place, and nothing else: ``copy`` as it is after ``delta``.

    The rows follow from what was written; a RECORD that says something else fails the next update, by its digest.
    """
    site = site_of(env, distribution)
    contents, rows = dict(copy.files), dict(copy.record)
    for path in delta.paths:
        rows.pop(path, None)
        contents.pop(path, None)
        with suppress(OSError):
            contents[path] = found = files.read(f"{site}/{path}")
            rows[path] = record.Row(found.content.digest, found.signature.size)
    data = _bytes(site / distribution.dist_info / "RECORD")
    digest = "" if data is None else record.digest(data)
    return InstalledCopy(
        record=rows,
        files=contents,
        missing=tuple(path for path in copy.missing if path not in delta.paths),
        whole=copy.whole and data is not None,
        digest=digest,
    )


def _dist_infos(site: Path) -> list[Path]:
    try:
        return sorted(each for each in site.iterdir() if each.name.endswith(".dist-info"))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _distribution(dist_info: Path) -> Distribution | None:
    """What a dist-info directory says, None unless it is of a local directory."""
    url = _direct_url(dist_info)
    root = _local_directory(url)
    if root is None:
        return None
    name, _, version = dist_info.name.removesuffix(".dist-info").partition("-")
    headers = _headers(_text(dist_info / "METADATA") or "")
    return Distribution(
        name=canonicalize_name(headers.get("name") or name),
        version=headers.get("version") or version,
        root=root,
        editable=url["dir_info"].get("editable") is True,
        dist_info=dist_info.name,
        by_uv=(_text(dist_info / "INSTALLER") or "").strip() == "uv",
    )


def _direct_url(dist_info: Path) -> dict[str, Any]:
    try:
        value = json.loads(_text(dist_info / "direct_url.json") or "null")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) and isinstance(value.get("dir_info"), dict) else {}


def _local_directory(direct_url: Mapping[str, Any]) -> str | None:
    """The absolute directory that a ``file://`` URL names, its escapes decoded to the bytes of a file name."""
    url = direct_url.get("url")
    if not isinstance(url, str):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.scheme != "file" or parts.netloc not in ("", "localhost"):
        return None
    path = os.fsdecode(unquote_to_bytes(parts.path))
    if os.name == "nt" and re.match(r"/[A-Za-z]:", path):
        path = path[1:]
    return os.path.normpath(path) if os.path.isabs(path) and "\0" not in path else None  # noqa: PTH117


def _headers(metadata: str) -> dict[str, str]:
    """The one-line headers of METADATA, their names in lower case, the first of each."""
    headers: dict[str, str] = {}
    for line in metadata.splitlines():
        name, colon, value = line.partition(":")
        if not colon:
            break
        headers.setdefault(name.strip().lower(), value.strip())
    return headers


def _rank(dist_info: Path) -> tuple[bool, int]:
    try:
        age = dist_info.stat().st_mtime_ns
    except FileNotFoundError:
        age = 0
    return (dist_info / "RECORD").exists(), age


def _rows(data: bytes | None) -> Mapping[str, record.Row] | None:
    try:
        return None if data is None else record.parse(data.decode())
    except ValueError:
        return None


def _bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None
