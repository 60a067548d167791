"""Source distributions of real packages: after edits the copy that ``uvwatch sync`` leaves equals uv's own.

Downloads them with pip from the index that the machine is set up for, has a project depend on each by its path,
changes, adds and removes files, and prints one row a package: what uvwatch did. What is not equal is printed in full.
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
HEAD = ("package", "backend", "files", *COLUMNS)
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
        listed: why no file of the package can be removed, where its build description lists each.
    """

    name: str
    compiled: tuple[str, str] | None = None
    listed: str = ""


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
    Real(name="levenshtein", compiled=("src/Levenshtein/levenshtein_cpp.cxx", _C)),
    Real(name="nanobind"),
    Real(name="meson-python", listed="`meson.build` lists each file"),
)


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
    for path in first:
        path.with_name(f"added_by_torture{path.suffix}").write_text("# added\n", encoding="utf-8")
    yield "added", ""
    if real.compiled is not None:
        append(bench.tree / PACKAGE / real.compiled[0], real.compiled[1])
    yield "compiled source", "" if real.compiled is not None else "pure Python"
    for path in () if real.listed else [*modules[1:][-1:], *data[1:][-1:]]:
        path.unlink()
    yield "removed", real.listed
    append(readme(bench.tree / PACKAGE), "\nOne more line.\n")
    yield "metadata", ""


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


def play(real: Real, bench: Bench, archive: Path) -> tuple[list[str], list[str]]:
    """Make all edits of a package; return the cells of its row, and what was not equal.

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
    for kind, why_not in edits(real, bench):
        if why_not:
            done[kind] = why_not
            continue
        try:
            done[kind] = refresh(bench)
            bench.compare()
        except Mismatch as error:
            done[kind] = "NOT EQUAL"
            wrong.append(f"{real.name}, {kind}: {error}")
    files = len(read(bench.ours, bench.distribution.replace("-", "_")).rows)
    return [backend(bench.tree / PACKAGE), str(files), *(done[column] for column in COLUMNS)], wrong


def main() -> int:
    """Read the command line and run; 1 if a copy was not equal."""
    parser = argparse.ArgumentParser(prog="scripts/torture real", description=__doc__, allow_abbrev=False)
    parser.add_argument("packages", nargs="*", help="names of packages (default: all)")
    parser.add_argument("--sdists", type=Path, help="where source distributions are, and are kept")
    given = parser.parse_args()
    chosen = [each for each in PACKAGES if not given.packages or each.name in given.packages]
    if unknown := {*given.packages} - {each.name for each in chosen}:
        parser.error(f"no such package: {', '.join(sorted(unknown))}")
    print(f"| {' | '.join(HEAD)} |\n{'|---' * len(HEAD)}|", flush=True)
    wrong: list[str] = []
    for real in chosen:
        home = Path(tempfile.mkdtemp(prefix="uvwatch-torture-"))
        bench = Bench(home=home, distribution=real.name, environ=environment(), unpacked=True)
        try:
            archive = fetch(real.name, given.sdists or home)
            cells, found = play(real, bench, archive)
            version = archive.name.removesuffix(".tar.gz").rpartition("-")[2]
        except Mismatch as error:
            cells, found, version = ["NOT RUN"] * (len(HEAD) - 1), [f"{real.name}: {error}"], ""
        print(f"| {real.name} {version} | {' | '.join(cells)} |", flush=True)
        print("\n".join(found), file=sys.stderr, flush=True)
        wrong += found
        if found:
            wrong.append(f"left in {home}")
        else:
            shutil.rmtree(home)
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
