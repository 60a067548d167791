"""What an editable install shows of its tree by itself, and which files it shows only after a reinstall.

Three forms are about: a ``.pth`` that names a directory, of which everything is live; a ``.pth`` that imports a hook,
which knows the packages or modules that there were (setuptools, scikit-build-core, meson-python, ``editables``); and a
directory of links, one a file (setuptools' strict mode). Paths are relative to the distribution's root.

Sources: PEP 660; setuptools, ``command/editable_wheel.py``; Python's ``site`` module for ``.pth``.
"""

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from uvwatch.core.watchplan import is_below

STRICT = "__editable__."
"""How the name of setuptools' directory of links begins."""

EXTENSION_SOURCES = (
    *("*.c", "*.cc", "*.cpp", "*.cxx", "*.h", "*.hh", "*.hpp", "*.pyx", "*.pxd", "*.pxi", "*.rs", "*.f", "*.f90"),
    *("*.cu", "*.cmake", "CMakeLists.txt", "meson.build", "meson.options", "meson_options.txt"),
)
"""Gitignore patterns of what a compiler reads, and of what tells it to."""


class Form(Enum):
    """How an editable install leads to the tree; the value is said of it in the warning."""

    PATH = "Python reads your files directly, and uvwatch acts on build inputs alone"
    HOOK = "an import hook leads to your files; what it does not know (a new module) leads to a reinstall"
    LINKS = "a directory of links leads to your files; a new or removed file leads to a reinstall"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """What an editable install has a name for: ``files``, and ``places``, packages of which all below is live."""

    form: Form = Form.PATH
    files: frozenset[str] = field(default_factory=frozenset)
    places: frozenset[str] = field(default_factory=frozenset)

    def counts(self, path: str) -> bool:
        """Whether a file's coming or going leads to a reinstall: a module beside those that have names."""
        if self.form is Form.PATH or (self.form is Form.HOOK and not path.endswith(".py")):
            return False
        if any(is_below(path, place) for place in self.places):
            return False
        inside = {_above(file) for file in self.files}
        if any(is_below(path, directory) for directory in inside - {""}):
            return True
        tops = {_above(each) for each in inside | self.places if each and _above(each) not in inside}
        directory, _, name = path.rpartition("/")
        return (name == "__init__.py" and bool(directory) and _above(directory) in tops) or (
            name.endswith(".py") and directory in tops
        )


def form_of(pth: Iterable[str]) -> Form:
    """Tell the form by the lines of its ``.pth`` files."""
    lines = [line.strip() for line in pth if line.strip() and not line.startswith("#")]
    if any(line.startswith(("import ", "import\t")) for line in lines):
        return Form.HOOK
    if any(line.rstrip("/").rpartition("/")[2].startswith(STRICT) for line in lines):
        return Form.LINKS
    return Form.PATH


def named_by(hook: str, root: str) -> frozenset[str]:
    """The paths below ``root`` that the source of an import hook holds as strings; none where it is no Python."""
    try:
        tree = ast.parse(hook)
    except (SyntaxError, ValueError):
        return frozenset()
    strings = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return frozenset(each[len(root) + 1 :] for each in strings if each.startswith(f"{root}/"))


def mapped_by_hook(named: Iterable[str]) -> Mapped:
    """What a hook that holds these paths knows: files by their suffix, else packages."""
    paths = frozenset(named)
    files = frozenset(path for path in paths if "." in path.rpartition("/")[2])
    return Mapped(form=Form.HOOK, files=files, places=paths - files)


def _above(path: str) -> str:
    return path.rpartition("/")[0]
