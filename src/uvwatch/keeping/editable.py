"""A distribution that is installed editable: Python reads its sources itself, so only its build inputs are looked at.

When one of them changes, uv reinstalls it, still editable, for metadata and entry points to be true again. What an
editable wheel holds is not compared with the tree: it holds links to it.
"""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from uvwatch.core.model import Batch, Known
from uvwatch.core.origins import NOTHING
from uvwatch.core.plan import Judgement, Learned, Standing, difference, name_some
from uvwatch.keeping.keeper import Keeper
from uvwatch.keeping.site import declared_by
from uvwatch.project import files
from uvwatch.project.pyproject import BrokenPyproject
from uvwatch.watching.places import Places


class EditableKeeper(Keeper):
    """Keeps the metadata of one editable install."""

    _patterns: tuple[str, ...] = ("/pyproject.toml", "/setup.py", "/setup.cfg")

    def _look(self, where: Places | None) -> Batch:
        del where  # a handful of files: all are looked at
        before, first = self.contents, not self._looked
        self._known = self._read_inputs()
        self._looked = True
        return Batch() if first else difference(before, self.contents)

    def concerned(self, paths: Iterable[str]) -> Places:
        """All build inputs are looked at whenever something happens in the root."""
        return Places(only=frozenset({""} if self.concerning(paths) else ()), whole=frozenset())

    def concerning(self, paths: Iterable[str]) -> frozenset[str]:
        """Those of the paths that lie directly in the root."""
        root = self.distribution.root
        return frozenset(path for path in paths if path.rpartition("/")[0] == root)

    def _read_inputs(self) -> dict[str, Known]:
        root = Path(self.distribution.root)
        found: dict[str, Known] = {}
        # Of a file that does not parse the last good ones hold, and the file itself is one of them.
        with suppress(BrokenPyproject):
            self._patterns = declared_by(self.distribution).build_inputs
        for pattern in self._patterns:
            for path in root.glob(pattern.strip("/")):
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
