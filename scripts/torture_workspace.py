"""A workspace of many members, half of them installed: how long a check takes, and that a change touches one member.

The later half of the members depends on the earlier; a fifth of the installed ones are editable. Times are told with
the processor time of the command, which a busy machine does not stretch so much. Exit status: 0 all was well, 1 another
file was touched, or the check of an unchanged tree took too long.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import uv
from torture_equal import COMMAND, Mismatch, forget_the_callers

PATIENCE = 120.0
ROUNDS = 3
"""Checks of the unchanged tree of which the best is told: the others were stretched by what else the machine did."""
LIMIT = 1.0
"""Seconds that it may take, after the first."""
FILES = 20
"""Modules of a member."""

ROOT = """\
[tool.uv.workspace]
members = ["packages/*"]
"""
MEMBER = """\
[build-system]
requires = ["uv_build>=0.9"]
build-backend = "uv_build"

[project]
name = "{name}"
version = "1.0"
requires-python = ">=3.10"
dependencies = [{depends}]

[tool.uv.sources]
{sources}
"""


def name_of(number: int) -> str:
    """The name of a member."""
    return f"member{number:03}"


def make(root: Path, members: int) -> None:
    """Write the tree: each member depends on the one half the number of members before it."""
    (root / "packages").mkdir(parents=True)
    (root / "pyproject.toml").write_text(ROOT)
    (root / ".gitignore").write_text(".venv/\n")
    for number in range(members):
        name, other = name_of(number), number - members // 2
        package = root / "packages" / name / "src" / name
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("")
        (package / "value.py").write_text('VALUE = "one"\n')
        for module in range(FILES):
            (package / f"module{module}.py").write_text(f"NUMBER = {module}\n")
        depends = sources = ""
        if other >= 0:
            depends, sources = f'"{name_of(other)}"', f"{name_of(other)} = {{workspace = true}}"
        pyproject = MEMBER.format(name=name, depends=depends, sources=sources)
        (root / "packages" / name / "pyproject.toml").write_text(pyproject)


def run(root: Path, *argv: str | Path, status: int = 0) -> str:
    """Run a command in the tree and return its stdout.

    Raises:
        Mismatch: it ended with another status.
    """
    words = [str(word) for word in argv]
    done = subprocess.run(words, cwd=root, capture_output=True, text=True, check=False, timeout=PATIENCE)
    if done.returncode != status:
        raise Mismatch(f"{' '.join(words[:3])} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def install(root: Path, installed: int) -> None:
    """Install the first members, a fifth of them editable."""
    uv_command = uv.find_uv_bin()
    run(root, uv_command, "lock")
    copies = [name_of(number) for number in range(installed) if number % 5]
    editable = [name_of(number) for number in range(installed) if not number % 5]
    for names, mode in ((copies, ["--no-editable"]), (editable, [])):
        chosen = [word for name in names for word in ("--package", name)]
        run(root, uv_command, "sync", "--frozen", "--inexact", *mode, *chosen)


class Took(NamedTuple):
    """Seconds that a command took, by the clock and of the processors."""

    clock: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.clock:.2f} s ({self.cpu:.2f} s of processor)"


def timed(root: Path, *argv: str | Path, status: int = 0) -> tuple[Took, str]:
    """Run a command; what it took, and its stdout."""
    began, used = time.perf_counter(), os.times()
    said = run(root, *argv, status=status)
    now = os.times()
    cpu = now.children_user + now.children_system - used.children_user - used.children_system
    return Took(time.perf_counter() - began, cpu), said


def state(root: Path) -> Mapping[str, tuple[int, int]]:
    """Which file each installed one is, and when it was written."""
    (site,) = (root / ".venv").glob("lib/python*/site-packages")
    paths = (path for path in site.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(site).as_posix(): (path.stat().st_ino, path.stat().st_mtime_ns) for path in paths}


def require(holds: bool, what: str) -> None:  # noqa: FBT001 - reads as a sentence
    """Raise what does not hold."""
    if not holds:
        raise Mismatch(what)


def torture(root: Path, *, members: int, installed: int, limit: float) -> str:
    """Make the workspace, check, change one member, print the figures, and return what took too long.

    Raises:
        Mismatch: something is not as it should be.
    """
    make(root, members)
    run(root, "git", "init", "--quiet")
    install(root, installed)
    first, said = timed(root, COMMAND, "check", "--json")
    require(len(json.loads(said)["distributions"]) == installed, f"not {installed} distributions are checked")
    rounds = [timed(root, COMMAND, "check")[0] for _ in range(ROUNDS)]
    again = min(rounds)
    print(f"check, the first: {first}; again: {again} (best of {ROUNDS}; {limit:g} s is the most)", flush=True)

    before, changed = state(root), name_of(1)
    (root / "packages" / changed / "src" / changed / "value.py").write_text('VALUE = "two"\n')
    took, _ = timed(root, COMMAND, "check", status=1)
    print(f"check, one member changed: {took}", flush=True)
    took, said = timed(root, COMMAND, "sync", "--json")
    touched = sorted(path for path, where in state(root).items() if before.get(path) != where)
    print(f"sync, one member changed: {took}, touched {', '.join(touched)}", flush=True)
    require(touched == [f"{changed}-1.0.dist-info/RECORD", f"{changed}/value.py"], "another file was touched")

    for number in range(1, 9, 2):
        new = root / "packages" / name_of(number) / "src" / name_of(number) / "new.py"
        new.write_text("NEW = 1\n")
    took, said = timed(root, COMMAND, "sync", "--json")
    done = [each["name"] for each in json.loads(said)["distributions"] if each["action"] != "none"]
    print(f"sync, a new module in each of {len(done)} members: {took}", flush=True)
    return f"a check took {again}, and {limit:g} s is the most" if again.clock > limit else ""


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(prog="scripts/torture workspace", description=__doc__, allow_abbrev=False)
    parser.add_argument("--members", type=int, default=120)
    parser.add_argument("--installed", type=int, default=60)
    parser.add_argument("--limit", type=float, default=LIMIT, help="seconds that a check may take after the first (1)")
    given = parser.parse_args()
    forget_the_callers()
    home = Path(tempfile.mkdtemp(prefix="uvwatch-torture-"))
    os.environ["XDG_CACHE_HOME"] = str(home / "cache")
    os.environ.setdefault("UV_CACHE_DIR", run(Path.cwd(), uv.find_uv_bin(), "cache", "dir").strip())
    print(f"{given.members} members, {given.installed} of them installed", flush=True)
    try:
        late = torture(home / "workspace", members=given.members, installed=given.installed, limit=given.limit)
    except Mismatch as error:
        print(f"{error}\nleft in {home}", flush=True)
        return 1
    shutil.rmtree(home)
    print(f"only what changed was touched{late and f'; but {late}'}")
    return 1 if late else 0


if __name__ == "__main__":
    sys.exit(main())
