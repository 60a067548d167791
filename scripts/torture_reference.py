"""uv's own copy of a tree, made from a clean copy of it at the same path: what uvwatch's copy has to equal.

At the same path, because some of what is installed names it (direct_url.json, editable installs, debug information);
from a clean copy, because backends leave files in the tree that come back in later wheels (setuptools' ``build/lib``,
pypa/setuptools#1871), and uv's reinstall in the tree itself would bring them back. It must not know uvwatch.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uv
from torture_copy import Copy, differences, read, unlike, without_bytes

_LEFT = (".venv", "__pycache__", "build", "target", ".pdm-build")
_LEFT_TOO = "*.egg-info"
"""By which files come back that MANIFEST.in does not name any more; a source in an unpacked source distribution."""


class Mismatch(Exception):
    """The two copies are not equal, or a command failed; the message says how."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A tree with the environment that uvwatch keeps, and a second environment for uv alone.

    ``.venv`` and the reference are equally deep and equally long: a console script begins in another way where its
    interpreter's path is too long for ``#!``. ``unpacked`` is whether the distribution came as an archive.
    """

    home: Path
    distribution: str
    environ: Mapping[str, str]
    unpacked: bool = False

    @property
    def tree(self) -> Path:
        """The source tree."""
        return self.home / "ours" / "project"

    @property
    def ours(self) -> Path:
        """The environment that uvwatch keeps."""
        return self.tree / ".venv"

    @property
    def theirs(self) -> Path:
        """The environment that uv alone makes."""
        return self.home / "uv" / "reference" / ".venv"

    def run(self, *argv: str | Path, **further: str) -> str:
        """Run a command in the tree and return its stdout.

        Raises:
            Mismatch: it failed.
        """
        done = subprocess.run(
            [str(word) for word in argv],
            cwd=self.tree,
            env={**self.environ, **further},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            command = " ".join(str(word) for word in argv)
            raise Mismatch(f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def make(self) -> None:
        """Lock the project and have uv install it in both environments."""
        self.run(uv.find_uv_bin(), "lock", "--quiet")
        with self._clean_tree():
            self.run(uv.find_uv_bin(), "sync", "--no-editable", UV_PROJECT_ENVIRONMENT=str(self.theirs))
        self.run(uv.find_uv_bin(), "sync", "--no-editable")

    def compare(self, *, editable: bool = False) -> frozenset[str]:
        """Have uv reinstall the distribution in its own environment, and compare the two copies.

        Returns:
            the files of which no two builds are alike, not even uv's own: what they hold is not compared.

        Raises:
            Mismatch: they differ.
        """
        theirs = self._reinstalled(editable=editable)
        ours = self._read(self.ours)
        if not differences(ours, theirs):
            return frozenset()
        again = self._reinstalled(editable=editable)
        fickle = unlike(theirs, again)
        if found := differences(without_bytes(ours, fickle), without_bytes(again, fickle)):
            raise Mismatch("\n".join(found))
        return fickle

    def _reinstalled(self, *, editable: bool) -> Copy:
        """The copy that uv makes in its own environment of a clean copy of the tree."""
        mode: Sequence[str] = () if editable else ("--no-editable",)
        only = ("--only-install-package", self.distribution, "--reinstall-package", self.distribution)
        with self._clean_tree():
            self.run(
                *(uv.find_uv_bin(), "sync", "--frozen", "--inexact", *only, *mode),
                UV_PROJECT_ENVIRONMENT=str(self.theirs),
            )
        return self._read(self.theirs)

    def _read(self, prefix: Path) -> Copy:
        try:
            return read(prefix, self.distribution.replace("-", "_"))
        except (FileNotFoundError, ValueError) as error:
            raise Mismatch(f"a copy is not whole: {error}") from error

    @contextmanager
    def _clean_tree(self) -> Iterator[None]:
        """Put a copy of the tree, without what builds left, in its place as long as the body runs."""
        aside = self.tree.with_name("aside")
        self.tree.rename(aside)
        try:
            left = shutil.ignore_patterns(*_LEFT, *(() if self.unpacked else (_LEFT_TOO,)))
            shutil.copytree(aside, self.tree, symlinks=True, ignore=left)
            yield
        finally:
            shutil.rmtree(self.tree)
            aside.rename(self.tree)


HINDERING = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "UV_NO_EDITABLE", "UV_PROJECT_ENVIRONMENT", "VIRTUAL_ENV")
"""Variables of the caller that would make another environment, another copy or no bytecode."""


def environment() -> dict[str, str]:
    """The caller's variables without those that would change what is seen."""
    return {name: value for name, value in os.environ.items() if name not in HINDERING}
