"""A distribution that is installed editable: Python reads its sources itself, so only what it cannot see is looked at.

When a build input changes, a compiler's source, or a module comes that an import hook or a directory of links does not
know, uv reinstalls it, still editable. What an editable wheel holds is not compared with the tree: it leads there.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

from uvwatch.core.editables import EXTENSION_SOURCES, Form
from uvwatch.core.model import Batch, Content, Known, Signature
from uvwatch.core.origins import NOTHING
from uvwatch.core.patterns import as_glob, decide
from uvwatch.core.plan import Judgement, Learned, Standing, difference, name_some
from uvwatch.keeping.keeper import Keeper
from uvwatch.keeping.site import declared_by
from uvwatch.project import files
from uvwatch.project.editables import form_installed, read_mapped
from uvwatch.project.pyproject import BrokenPyproject, read_if_there, table
from uvwatch.watching.places import Places
from uvwatch.watching.scan import scan

THERE = Known(Signature(0, 0, 0, 0, 0), Content("", executable=False))
"""A file of which only the presence counts."""

_NO_COMPILER = ("uv_build", "flit", "hatchling", "pdm", "poetry")
"""How the names of those backends begin that compile nothing, or only by a script that is a build input."""


class EditableKeeper(Keeper):
    """Keeps what an editable install does not show by itself: metadata, compiled modules, new names."""

    of_editable: ClassVar[bool] = True
    _patterns: tuple[str, ...] = ("/pyproject.toml", "/setup.py", "/setup.cfg")
    _compiles = False
    _looked = False

    @property
    def form(self) -> Form:
        """How the install leads to the tree."""
        return form_installed(self.env, self.distribution, self.copy.record)

    def _look(self, where: Places | None) -> Batch:
        del where  # what is looked at is small, or asks for the whole
        before, first = self.contents, not self._looked
        self._known = self._read()
        self._looked = True
        return Batch() if first else difference(before, self.contents)

    def concerned(self, paths: Iterable[str]) -> Places:
        """All build inputs are looked at whenever something happens near one of them."""
        return Places(only=frozenset({""} if self.concerning(paths) else ()), whole=frozenset())

    def concerning(self, paths: Iterable[str]) -> frozenset[str]:
        """Those of the paths that lie directly in a directory that is looked at."""
        near = {self.distribution.root, *self.beside, *super().concerning(paths)}
        return frozenset(path for path in paths if path in near or path.rpartition("/")[0] in near)

    @property
    def beside(self) -> frozenset[str]:
        """The directories of the build inputs, which are watched one by one where the tree is not."""
        root = self.distribution.root
        return frozenset(f"{root}/{path.rpartition('/')[0]}".rstrip("/") for path in self._known)

    def _read(self) -> dict[str, Known]:
        found = self._read_inputs()
        root = self.distribution.root
        if not self._compiles and self.form is Form.PATH:
            self.tree = None
            return found
        self.tree = scan(root, self.rules)
        tree: Mapping[str, Signature] = dict(self.tree.files())
        mapped = read_mapped(self.env, self.distribution, self.copy.record, tree)
        for path in tree.keys() - found.keys():
            if self._compiles and decide(EXTENSION_SOURCES, path).include:
                with suppress(OSError):
                    found[path] = files.read_again_if_changed(f"{root}/{path}", self._known.get(path))
            elif mapped.counts(path):
                found[path] = THERE
        return found

    def _read_inputs(self) -> dict[str, Known]:
        root = Path(self.distribution.root)
        found: dict[str, Known] = {}
        # Of a file that does not parse the last good ones hold, and the file itself is one of them.
        with suppress(BrokenPyproject):
            declared = declared_by(self.distribution)
            self._patterns = (*declared.build_inputs, *declared.metadata_modules)
            self._compiles = _compiles(root)
        for pattern in self._patterns:
            for path in root.glob(as_glob(pattern)):
                name = path.relative_to(root).as_posix()
                try:
                    found[name] = files.read_again_if_changed(str(path), self._known.get(name))
                except OSError:
                    continue  # it vanished, or is a directory: no input now
        return found

    async def judge(self, *, trusting: bool = False) -> Judgement:
        """Compare the build inputs with those of the last install; what was never seen counts as fresh."""
        del trusting  # nothing that is installed is looked at
        if self.learned is None:
            self.learned = Learned(tree=self.contents, wheel={}, origins=NOTHING)
        batch = difference(self.learned.tree, self.contents)
        if batch.differs:
            reason = f"build inputs changed: {name_some(batch.paths)}"
            return Judgement(standing=Standing.STALE, reason=reason, complete=True)
        return Judgement(
            standing=Standing.FRESH, reason="editable, and its build inputs are as they were", complete=True
        )

    def is_refilling(self) -> bool:
        """An editable install carries no generated files."""
        return False


def _compiles(root: Path) -> bool:
    """Whether the build backend may run a compiler; without a pyproject.toml it is setuptools.

    Raises:
        BrokenPyproject: pyproject.toml cannot be read.
    """
    path = root / "pyproject.toml"
    backend = table(read_if_there(path) or {}, "build-system").get("build-backend", "")
    return not str(backend).startswith(_NO_COMPILER)
