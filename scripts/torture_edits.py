"""Random edits of a source tree: ``choose`` decides from a listing and a random source, ``apply`` does it.

Knows the example project's layout (``myapp/``, ``manage.py``, pyproject.toml); knows nothing of environments or uv.
The same seed over the same tree gives the same edits.
"""

import random
import re
import shutil
from dataclasses import dataclass
from enum import Enum
from pathlib import Path, PurePosixPath

PACKAGE = "myapp"
ARTIFACTS = "myapp/staticfiles"
"""Ignored by git, and in the wheel all the same."""
FILES_KEPT = 4
"""Nothing is deleted from a package with fewer files."""
LARGE = 5 * 1024 * 1024
"""Bytes of the large file."""
SUFFIXES = (".py", ".css", ".txt", ".json", "")


class Kind(Enum):
    """What one edit does to the tree; the values are the words of the printed sequence."""

    ADD = "add"
    CHANGE = "change"
    SAME_SIZE = "change, same size"
    TOUCH = "touch"
    DELETE = "delete"
    RENAME = "rename"
    RENAME_DIRECTORY = "rename directory"
    EXECUTABLE = "chmod +x"
    PLAIN = "chmod -x"
    TO_DIRECTORY = "file to directory"
    TO_FILE = "directory to file"
    SWAP = "swap names"
    SUBPACKAGE = "new subpackage"
    EMPTY = "empty file"
    LARGE = "large file"
    ARTIFACT = "artifact"
    SCRIPT = "manage.py"
    VERSION = "version"
    ENTRY_POINT = "entry point"


METADATA = frozenset({Kind.VERSION, Kind.ENTRY_POINT})
"""Edits of pyproject.toml, after which uv.lock has to be made again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The files and the directories below the package, relative to the root of the tree, sorted."""

    files: tuple[str, ...]
    directories: tuple[str, ...]
    executable: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One edit: ``path`` and ``other`` are relative to the root of the tree, ``number`` makes contents differ."""

    kind: Kind
    path: str = ""
    other: str = ""
    number: int = 0

    def __str__(self) -> str:
        return " ".join(word for word in (f"{self.kind.value}:", self.path, self.other and f"-> {self.other}") if word)


def look(root: Path) -> Listing:
    """List the package of a tree; bytecode is left out."""
    paths = [path for path in sorted((root / PACKAGE).rglob("*")) if "__pycache__" not in path.parts]
    files = [path for path in paths if path.is_file()]
    return Listing(
        files=tuple(path.relative_to(root).as_posix() for path in files),
        directories=(PACKAGE, *(path.relative_to(root).as_posix() for path in paths if path.is_dir())),
        executable=frozenset(path.relative_to(root).as_posix() for path in files if path.stat().st_mode & 0o100),
    )


def choose(source: random.Random, listing: Listing, number: int) -> Edit:
    """Choose an edit that is possible in this tree; names end in ``number``, so that a new name is new."""
    kind = source.choice(sorted(_possible(listing), key=lambda each: each.value))
    file, other = source.sample(listing.files, 2)
    parent = source.choice(listing.directories)
    directory = source.choice(_movable(listing) or (f"{PACKAGE}/none",))
    fresh = f"{parent}/n{number}"
    suffix = PurePosixPath(file).suffix
    places = {
        Kind.ADD: (fresh + source.choice(SUFFIXES), ""),
        Kind.EMPTY: (fresh + source.choice((".py", ".txt")), ""),
        Kind.LARGE: (f"{parent}/large{number}.bin", ""),
        Kind.SUBPACKAGE: (fresh, ""),
        Kind.ARTIFACT: (f"{ARTIFACTS}/n{number}.css", ""),
        Kind.RENAME: (file, fresh + suffix),
        Kind.RENAME_DIRECTORY: (directory, str(PurePosixPath(directory).with_name(f"d{number}"))),
        Kind.TO_FILE: (directory, ""),
        Kind.EXECUTABLE: (source.choice(_plain(listing) or ("",)), ""),
        Kind.PLAIN: (source.choice(sorted(listing.executable) or ("",)), ""),
        Kind.SWAP: (file, other),
        Kind.VERSION: ("pyproject.toml", ""),
        Kind.ENTRY_POINT: ("pyproject.toml", ""),
        Kind.SCRIPT: ("manage.py", ""),
    }
    path, target = places.get(kind, (file, ""))
    return Edit(kind=kind, path=path, other=target, number=number)


def _movable(listing: Listing) -> tuple[str, ...]:
    """The directories below the package; moving the package itself would leave nothing to build."""
    return tuple(directory for directory in listing.directories if directory != PACKAGE)


def _plain(listing: Listing) -> tuple[str, ...]:
    return tuple(file for file in listing.files if file not in listing.executable)


def _possible(listing: Listing) -> set[Kind]:
    kinds = set(Kind)
    if len(listing.files) <= FILES_KEPT:
        kinds -= {Kind.DELETE, Kind.TO_FILE}
    if not listing.executable:
        kinds.discard(Kind.PLAIN)
    if not _plain(listing):
        kinds.discard(Kind.EXECUTABLE)
    if ARTIFACTS in listing.files:
        kinds.discard(Kind.ARTIFACT)
    below = _movable(listing)
    if not below:
        kinds -= {Kind.TO_FILE, Kind.RENAME_DIRECTORY}
    elif not any(all(not file.startswith(f"{each}/") for each in below) for file in listing.files):
        kinds.discard(Kind.TO_FILE)
    return kinds


def apply(edit: Edit, root: Path) -> None:
    """Do the edit in the tree."""
    path = root / edit.path
    match edit.kind:
        case Kind.VERSION | Kind.ENTRY_POINT:
            path.write_text(_metadata(edit, path.read_text(encoding="utf-8")), encoding="utf-8")
        case Kind.CHANGE | Kind.SCRIPT:
            with path.open("ab") as stream:
                stream.write(b"# %d\n" % edit.number)
        case Kind.SAME_SIZE:
            path.write_bytes(_same_size(path.read_bytes()))
        case Kind.TOUCH:
            path.touch()
        case Kind.DELETE:
            path.unlink()
        case Kind.RENAME | Kind.RENAME_DIRECTORY:
            path.rename(root / edit.other)
        case Kind.EXECUTABLE | Kind.PLAIN:
            path.chmod(0o755 if edit.kind is Kind.EXECUTABLE else 0o644)
        case Kind.SWAP:
            spare = path.with_name(f".spare{edit.number}")
            path.rename(spare)
            (root / edit.other).rename(path)
            spare.rename(root / edit.other)
        case Kind.TO_FILE:
            shutil.rmtree(path)
            path.write_text(f"was a directory {edit.number}\n", encoding="utf-8")
        case _:
            _create(edit, path)


def _create(edit: Edit, path: Path) -> None:
    """Do the edits that make new files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    match edit.kind:
        case Kind.TO_DIRECTORY:
            path.unlink()
            path.mkdir()
            (path / "inside.txt").write_text(f"was a file {edit.number}\n", encoding="utf-8")
        case Kind.SUBPACKAGE:
            path.mkdir()
            (path / "__init__.py").touch()
            (path / "module.py").write_text(f"NUMBER = {edit.number}\n", encoding="utf-8")
        case Kind.EMPTY:
            path.touch()
        case Kind.LARGE:
            path.write_bytes(edit.number.to_bytes(8, "big") * (LARGE // 8))
        case _:
            path.write_text(f"new {edit.number}\n", encoding="utf-8")


def _same_size(content: bytes) -> bytes:
    """Other bytes of the same length, but for an empty file, which has none."""
    return bytes([content[0] ^ 1]) + content[1:] if content else b"x"


def _metadata(edit: Edit, text: str) -> str:
    """The text of pyproject.toml with another version, or with one more entry point."""
    if edit.kind is Kind.VERSION:
        return re.sub(r'(?m)^version = ".*"$', f'version = "1.{edit.number + 1}.0"', text)
    line = f'myapp-{edit.number} = "myapp.value:main"\n'
    header = "[project.scripts]\n"
    return text.replace(header, header + line) if header in text else f"{text}\n{header}{line}"
