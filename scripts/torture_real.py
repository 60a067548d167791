"""Source distributions of real packages: after edits the copy that ``uvwatch sync`` leaves equals uv's own.

Downloads them with pip from the index that the machine is set up for, has a project depend on each by its path, and
changes, adds and removes files. Prints a table at the end, one row a package: what uvwatch did, and how many of the
copies were equal; below it, in full, what was not equal, what could not be compared, and why a package or a backend was
not tried.
"""

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import tomli
import uv
from torture_copy import read
from torture_reference import Bench, Mismatch, environment

COMMAND = Path(sys.executable).with_name("uvwatch")
COLUMNS = ("changed", "added", "removed", "compiled source", "metadata")
HEAD = ("package", "backend", "files", *COLUMNS, "equal")
PACKAGE = "package"
"""The directory of the package in the tree of the project that depends on it."""

PROJECT = """\
[project]
name = "outer"
version = "1"
requires-python = ">={python}"
dependencies = ["{name}"]

[tool.uv]
environments = ["sys_platform == '{platform}'"]

[tool.uv.sources]
{name} = {{ path = "{package}", editable = false }}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Real:
    """A package of the index.

    Attributes:
        name: as the index has it.
        compiled: a source of an extension module, and what is appended to it; so little that it still compiles.
        listing: the build description that names each file, relative to itself, and is edited with them.
        removable: what is removed, where it cannot be any file: others are needed for a build.
        kept: why no file of the package can be removed.
    """

    name: str
    compiled: tuple[str, str] | None = None
    listing: str = ""
    removable: tuple[str, ...] = ()
    kept: str = ""


_C = "\nint added_by_torture = 1;\n"
_CYTHON = "\nADDED_BY_TORTURE = 1\n"

PACKAGES: tuple[Real, ...] = (
    Real(name="django-debug-toolbar"),
    Real(name="httpx"),
    Real(name="attrs"),
    Real(name="wagtail"),
    Real(name="pytest"),
    Real(name="markupsafe", compiled=("src/markupsafe/_speedups.c", _C)),
    Real(name="flask"),
    Real(name="rich"),
    Real(name="fastapi"),
    Real(name="frozenlist", compiled=("frozenlist/_frozenlist.pyx", _CYTHON)),
    Real(
        name="levenshtein",
        compiled=("src/Levenshtein/levenshtein_cpp.cxx", _C),
        removable=("src/Levenshtein/StringMatcher.py",),
    ),
    Real(name="nanobind"),
    Real(
        name="cysignals",
        compiled=("src/cysignals/alarm.pyx", _CYTHON),
        listing="src/cysignals/meson.build",
        removable=("src/cysignals/cysignals-CSI-helper.py", "src/cysignals/cysignals.pc"),
    ),
    Real(name="meson-python", listing="meson.build", kept="it builds itself, with each of its modules"),
    Real(name="django-stubs-ext"),
)
NOT_TRIED = {"maturin": "its packages need crates, which no source distribution holds and pip does not bring"}
"""Backends of which no package is here, and why; ``scripts/torture backends`` tries each with a project of its own."""


def fetch(name: str, directory: Path) -> Path:
    """Download the newest source distribution of a package, unless it is there, and return its path.

    Raises:
        Mismatch: it cannot be had.
    """
    pattern = f"{name.replace('-', '[-_]')}-[0-9]*.tar.gz"
    if not list(directory.glob(pattern)):
        command = [uv.find_uv_bin(), "tool", "run", "--from", "pip", "pip", "download", "--quiet", "--no-deps"]
        done = subprocess.run(
            [*command, "--no-binary", name, "--dest", str(directory), name], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise Mismatch(f"pip cannot download {name}: {done.stderr.strip().splitlines()[-1]}")
    return next(iter(sorted(directory.glob(pattern))))


def unpack(archive: Path, root: Path) -> None:
    """Put what a source distribution holds into ``root``, which must not exist."""
    with tempfile.TemporaryDirectory(dir=root.parent) as directory:
        with tarfile.open(archive) as opened:
            opened.extractall(directory, filter="data")
        (top,) = Path(directory).iterdir()
        top.rename(root)


def carried(bench: Bench) -> Iterator[Path]:
    """The files of the package's tree of which the installed copy holds the bytes, and no other file of the tree."""
    by_bytes: dict[str, list[Path]] = {}
    package = bench.tree / PACKAGE
    for path in sorted(package.rglob("*")):
        if path.relative_to(package).parts[0] != "build" and path.is_file() and not path.is_symlink():
            by_bytes.setdefault(hashlib.sha256(path.read_bytes()).hexdigest(), []).append(path)
    installed = read(bench.ours, bench.distribution.replace("-", "_")).files
    for name, (_mode, held) in sorted(installed.items()):
        found = by_bytes.get(hashlib.sha256(held).hexdigest(), [])
        if ".dist-info/" not in name and not name.startswith("../") and len(found) == 1 and held:
            yield found[0]


def is_plain(path: Path) -> bool:
    """Whether a file is a module that no build reads: neither a package's own nor one with a version."""
    return path.suffix == ".py" and not path.name.startswith("_") and "version" not in path.name


def edits(real: Real, bench: Bench) -> Iterator[tuple[str, str]]:
    """Edit the package step by step; after each, give the kind of the edit, or the kind and why there is none."""
    every = list(carried(bench))
    modules = [path for path in every if is_plain(path)] or [path for path in every if path.suffix == ".py"]
    data = [path for path in every if path.suffix not in {".py", ".pyi", ".pyx", ".c", ".h", ".so"}]
    first = [*modules[:1], *data[:1]]
    for path in first:
        append(path, "\n")
    yield "changed", ""
    listing = bench.tree / PACKAGE / real.listing
    for path in first:
        added = path.with_name(f"added_by_torture{path.suffix}")
        added.write_text("# added\n", encoding="utf-8")
        if real.listing:
            relist(listing, path, also=added)
    yield "added", ""
    if real.compiled is not None:
        append(bench.tree / PACKAGE / real.compiled[0], real.compiled[1])
    yield "compiled source", "" if real.compiled is not None else "pure Python"
    chosen = [bench.tree / PACKAGE / name for name in real.removable] or [*modules[1:][-1:], *data[1:][-1:]]
    for path in () if real.kept else chosen:
        path.unlink()
        if real.listing:
            relist(listing, path)
    yield "removed", real.kept or ("" if chosen else "too few files")
    append(readme(bench.tree / PACKAGE), "\nOne more line.\n")
    yield "metadata", ""


def relist(listing: Path, path: Path, *, also: Path | None = None) -> None:
    """Have a build description name another file after one that it names, or this one no more.

    Raises:
        Mismatch: it does not name the file.
    """
    text = listing.read_text(encoding="utf-8")
    entry = f"'{path.relative_to(listing.parent).as_posix()}',"
    if entry not in text:
        raise Mismatch(f"{listing.name} does not name {entry}")
    instead = f"{entry} '{also.relative_to(listing.parent).as_posix()}'," if also is not None else ""
    listing.write_text(text.replace(entry, instead, 1), encoding="utf-8")


def append(path: Path, text: str) -> None:
    """Write a file anew with a text at its end, its mode kept."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(path.read_bytes() + text.encode())
    shutil.copymode(path, partial)
    partial.replace(path)


def readme(root: Path) -> Path:
    """The file that the description is read from, as far as pyproject.toml says; else the first README."""
    said = tomli.loads((root / "pyproject.toml").read_text(encoding="utf-8")).get("project", {}).get("readme")
    name = said.get("file") if isinstance(said, dict) else said
    return root / name if isinstance(name, str) else min(root.glob("README*"))


def backend(root: Path) -> str:
    """What builds the package: the backend's module, and what else it requires."""
    system = tomli.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]
    return f"`{system.get('build-backend', 'setuptools (by default)')}`"


def refresh(bench: Bench) -> str:
    """Have uvwatch make its copy fresh; return the action that it took."""
    cycle = json.loads(bench.run(COMMAND, "sync", "--json"))
    (told,) = (each for each in cycle["distributions"] if each["name"] == bench.distribution)
    return str(told["action"])


def play(real: Real, bench: Bench, archive: Path) -> tuple[list[str], list[str], frozenset[str]]:
    """Make all edits of a package; return the cells of its row, what was not equal, and what no two builds have alike.

    Raises:
        Mismatch: it cannot be installed here.
    """
    bench.tree.mkdir(parents=True)
    unpack(archive, bench.tree / PACKAGE)
    python = ".".join(map(str, sys.version_info[:2]))
    text = PROJECT.format(name=real.name, python=python, platform=sys.platform, package=PACKAGE)
    (bench.tree / "pyproject.toml").write_text(text, encoding="utf-8")
    bench.make()
    refresh(bench)
    done: dict[str, str] = {}
    wrong = []
    fickle: frozenset[str] = frozenset()
    compared = 0
    for kind, why_not in edits(real, bench):
        if why_not:
            done[kind] = why_not
            continue
        compared += 1
        try:
            done[kind] = refresh(bench)
            fickle |= bench.compare()
        except Mismatch as error:
            done[kind] = "NOT EQUAL"
            wrong.append(f"{real.name}, {kind}: {error}")
    files = len(read(bench.ours, bench.distribution.replace("-", "_")).rows)
    equal = f"{compared - len(wrong)} of {compared}"
    return [backend(bench.tree / PACKAGE), str(files), *(done[column] for column in COLUMNS), equal], wrong, fickle


def tried(real: Real, sdists: Path | None) -> tuple[str, list[str], list[str]]:
    """Try one package: its row of the table, what was not equal, and what could not be compared.

    The tree is left where something was not equal.
    """
    home = Path(tempfile.mkdtemp(prefix="uvwatch-torture-"))
    bench = Bench(home=home, distribution=real.name, environ=environment(), unpacked=True)
    try:
        archive = fetch(real.name, sdists or home)
        cells, found, fickle = play(real, bench, archive)
        version = archive.name.removesuffix(".tar.gz").rpartition("-")[2]
    except Mismatch as error:
        cells, found, version = ["NOT RUN"] * (len(HEAD) - 1), [f"{real.name}: {error}"], ""
        fickle = frozenset()
    if found:
        found.append(f"left in {home}")
    else:
        shutil.rmtree(home)
    apart = [f"{real.name}: no two builds of {path} are alike: its bytes were not compared" for path in sorted(fickle)]
    return f"| {real.name} {version} | {' | '.join(cells)} |", found, apart


def main() -> int:
    """Read the command line and run; 1 if a copy was not equal."""
    parser = argparse.ArgumentParser(prog="scripts/torture real", description=__doc__, allow_abbrev=False)
    parser.add_argument("packages", nargs="*", help="names of packages (default: all)")
    parser.add_argument("--sdists", type=Path, help="where source distributions are, and are kept")
    given = parser.parse_args()
    chosen = [each for each in PACKAGES if not given.packages or each.name in given.packages]
    if unknown := {*given.packages} - {each.name for each in chosen}:
        parser.error(f"no such package: {', '.join(sorted(unknown))}")
    table, wrong, apart = [f"| {' | '.join(HEAD)} |", "|---" * len(HEAD) + "|"], [], []
    for real in chosen:
        row, found, fickle = tried(real, given.sdists)
        print(row, file=sys.stderr, flush=True)
        table.append(row)
        wrong += found
        apart += fickle
    print("\n".join([*table, *wrong, *apart]))
    for name, reason in NOT_TRIED.items():
        print(f"no package is built by {name}: {reason}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
