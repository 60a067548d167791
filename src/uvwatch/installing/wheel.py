"""What a wheel would install, read from the archive's own bytes.

It knows the layout of the binary distribution format and where uv puts each part of it, checked against uv 0.13.9.
RECORD's digests are never trusted. It must not know what is installed at present, and it writes nothing.
"""

import base64
import hashlib
import os
import sys
import zipfile
import zlib
from collections.abc import Mapping
from configparser import ConfigParser
from configparser import Error as ConfigParserError
from dataclasses import dataclass
from email.parser import Parser
from pathlib import Path, PurePath

from packaging.utils import canonicalize_name

from uvwatch.core.model import Content
from uvwatch.errors import CycleFailed, FailureKind
from uvwatch.project.environment import Environment

_CHUNK = 1 << 20
_SHEBANG = b"#!python"
_DIST_INFO = ".dist-info"
_ANYONE_MAY_EXECUTE = 0o111
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, UnicodeDecodeError)
_LONGEST = os.pathconf("/", "PC_PATH_MAX") - 1 if hasattr(os, "pathconf") else 259
"""Bytes that a path may have, without its NUL."""
_SHOWN = 60
"""Characters of a path that is too long to be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """The contents of a wheel; all paths are as RECORD has them once it is installed.

    ``files`` are all but RECORD itself, and ``members`` their names in the archive; ``dist_info`` is the directory's
    name; ``root_is_purelib`` says which library directory is meant; ``entry_points`` and ``wheel_text`` are the texts
    of entry_points.txt (None without one) and WHEEL; ``rewritten`` are the scripts that begin with ``#!python``: their
    first line is another one when they are installed, so their digest is no measure.
    """

    files: Mapping[str, Content]
    members: Mapping[str, str]
    dist_info: str
    root_is_purelib: bool
    entry_points: str | None
    wheel_text: str
    rewritten: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Places:
    """Where the subtrees of ``NAME-VERSION.data`` go, relative to the library directory, as RECORD has it.

    ``purelib`` and ``platlib`` are ``.`` but where the environment has two library directories, and this is the other.
    """

    data: str
    scripts: str
    headers: str
    purelib: str
    platlib: str

    def of(self, scheme: str, rest: str) -> str | None:
        """The installed path of ``rest`` in the subtree ``scheme``; None for a scheme that nobody knows."""
        where = {
            "data": self.data,
            "scripts": self.scripts,
            "headers": self.headers,
            "purelib": self.purelib,
            "platlib": self.platlib,
        }.get(scheme)
        return rest if where == "." else where and f"{where}/{rest}"


def read_wheel(path: str, env: Environment) -> Wheel:
    """Read a wheel as an installer would unpack it into an environment.

    Raises:
        CycleFailed: it is no wheel (``BUILD``), holds a path that would leave its place or that would be too long there
            (``BUILD``), or cannot be read (``IO``).
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _read(archive, env)
    except _DAMAGED as error:
        raise CycleFailed(FailureKind.BUILD, f"the wheel {PurePath(path).name} cannot be unpacked: {error}") from error
    except OSError as error:
        raise CycleFailed(FailureKind.IO, f"{path}: {error.strerror or error}") from error


class _EntryPoints(ConfigParser):
    """entry_points.txt (entry points specification): names are case-sensitive."""

    def optionxform(self, optionstr: str) -> str:
        return optionstr


def generated_scripts(wheel: Wheel, env: Environment) -> frozenset[str]:
    """Where an installer puts the scripts that it makes of a wheel's entry points, as RECORD has it."""
    return scripts_of(wheel.entry_points or "", env, wheel.dist_info, is_pure=wheel.root_is_purelib)


def scripts_of(entry_points: str, env: Environment, dist_info: str, *, is_pure: bool) -> frozenset[str]:
    """The same by the text of entry_points.txt, of a wheel whose root is purelib, or is not."""
    parser = _EntryPoints(delimiters=("=",), interpolation=None, strict=False)
    try:
        parser.read_string(entry_points)
    except ConfigParserError:
        return frozenset()
    where = _places(dist_info, env, is_pure=is_pure).scripts
    suffix = ".exe" if sys.platform == "win32" else ""
    groups = [group for group in ("console_scripts", "gui_scripts") if parser.has_section(group)]
    return frozenset(f"{where}/{name}{suffix}" for group in groups for name in parser.options(group))


def _read(archive: zipfile.ZipFile, env: Environment) -> Wheel:
    members = [each for each in archive.infolist() if not each.is_dir()]
    dist_info = _dist_info(members)
    wheel_text = _text(archive, f"{dist_info}/WHEEL")
    if wheel_text is None:
        raise CycleFailed(FailureKind.BUILD, f"the wheel has no {dist_info}/WHEEL")
    is_pure = Parser().parsestr(wheel_text).get("Root-Is-Purelib", "true").strip().lower() == "true"
    places = _places(dist_info, env, is_pure=is_pure)
    library = env.purelib if is_pure else env.platlib
    files: dict[str, Content] = {}
    names: dict[str, str] = {}
    rewritten: set[str] = set()
    for member in members:
        _refuse_escape(member.filename)
        if member.filename == f"{dist_info}/RECORD":
            continue
        where, is_script = _destination(member.filename, dist_info, places)
        if where in files:
            raise CycleFailed(FailureKind.BUILD, f"the wheel holds {where} twice: {names[where]} and {member.filename}")
        _refuse_too_long(library, where)
        digest, start = _digest(archive, member)
        executable = is_script or bool(member.external_attr >> 16 & _ANYONE_MAY_EXECUTE)
        files[where] = Content(digest, executable)
        names[where] = member.filename
        if is_script and start == _SHEBANG:
            rewritten.add(where)
    return Wheel(
        files=files,
        members=names,
        dist_info=dist_info,
        root_is_purelib=is_pure,
        entry_points=_text(archive, f"{dist_info}/entry_points.txt"),
        wheel_text=wheel_text,
        rewritten=frozenset(rewritten),
    )


def _dist_info(members: list[zipfile.ZipInfo]) -> str:
    tops = {each.filename.partition("/")[0] for each in members if "/" in each.filename}
    found = sorted(top for top in tops if top.endswith(_DIST_INFO))
    if len(found) != 1:
        raise CycleFailed(FailureKind.BUILD, f"the wheel has {len(found)} dist-info directories where one belongs")
    return found[0]


def _places(dist_info: str, env: Environment, *, is_pure: bool) -> _Places:
    """The places that uv uses: headers go to ``include/site/pythonX.Y/NAME``, as pip's do in a virtual environment."""
    library = env.purelib if is_pure else env.platlib
    up, purelib, platlib = (_relative(path, library) for path in (env.prefix, env.purelib, env.platlib))
    name = canonicalize_name(dist_info.removesuffix(_DIST_INFO).partition("-")[0])
    if sys.platform == "win32":
        scripts, headers = f"{up}/Scripts", f"{up}/Include/{name}"
    else:
        python = next((part for part in reversed(env.purelib.parts) if part.startswith(("python", "pypy"))), "python")
        scripts, headers = f"{up}/bin", f"{up}/include/site/{python}/{name}"
    return _Places(data=up, scripts=scripts, headers=headers, purelib=purelib, platlib=platlib)


def _relative(path: Path, start: Path) -> str:
    return PurePath(os.path.relpath(path, start)).as_posix()


def _refuse_escape(name: str) -> None:
    parts = name.split("/")
    # A path that is not in its plain form ("./a", "a//b") would be installed under another name than RECORD's.
    if not {"", ".", ".."}.isdisjoint(parts) or "\\" in name or ":" in parts[0]:
        raise CycleFailed(FailureKind.BUILD, f"the wheel holds a path that leaves its place: {name}")


def _refuse_too_long(library: Path, where: str) -> None:
    """Refuse what could be put in place from its directory, but not be removed again by uv, which takes whole paths.

    uv stops at it half-way: the copy is then broken, and no `uv sync` mends it.
    """
    # Whatever bytes the characters take: thousands of files pass here.
    if len(str(library)) + len(where) < _LONGEST // 8:
        return
    path = library / where
    # uv looks for bytecode in each directory that it removes a file from.
    length = max(len(os.fsencode(each)) for each in (path, path.with_name("__pycache__")))
    if length > _LONGEST:
        raise CycleFailed(
            FailureKind.BUILD,
            f"{where[:_SHOWN]}... would have a path of {length} bytes in the environment, and {_LONGEST} are the most",
        )


def _destination(name: str, dist_info: str, places: _Places) -> tuple[str, bool]:
    """Where a member goes, and whether it is a script."""
    top, _, below = name.partition("/")
    if top != f"{dist_info.removesuffix(_DIST_INFO)}.data":
        return name, False
    scheme, _, rest = below.partition("/")
    where = places.of(scheme, rest) if rest else None
    if where is None:
        raise CycleFailed(FailureKind.BUILD, f"the wheel holds {name}, for which there is no place")
    return where, scheme == "scripts"


def _digest(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> tuple[str, bytes]:
    """A member's digest in RECORD's form, and its first bytes."""
    total, start = hashlib.sha256(), b""
    with archive.open(member) as stream:
        while chunk := stream.read(_CHUNK):
            start = start or chunk[: len(_SHEBANG)]
            total.update(chunk)
    return "sha256=" + base64.urlsafe_b64encode(total.digest()).rstrip(b"=").decode(), start


def _text(archive: zipfile.ZipFile, name: str) -> str | None:
    try:
        return archive.read(name).decode("utf-8", "backslashreplace")
    except KeyError:
        return None
