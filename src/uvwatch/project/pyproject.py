"""One pyproject.toml: reading it, and what uv takes from it.

It knows the standard tables and uv's. It must not know where a project lies nor what else is there.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomli

from uvwatch.core.config import Config
from uvwatch.errors import Fatal

_TRUE = frozenset({"1", "on", "t", "true", "y", "yes"})


class BrokenPyproject(Fatal):
    """A pyproject.toml (or another TOML file of uv's) that cannot be read.

    Attributes:
        path: the file.
        line: the line at fault, from 1, if one is known.
        column: the column, from 1, in characters of text and in bytes where the file is not UTF-8, if one is known.
        message: one sentence without the place.
    """

    def __init__(self, path: Path, message: str, *, line: int | None = None, column: int | None = None) -> None:
        place = str(path) if line is None else f"{path}:{line}:{column}"
        super().__init__(f"{place}: {message}")
        self.path = path
        self.line = line
        self.column = column
        self.message = message


def read_pyproject(path: Path) -> Mapping[str, Any]:
    """Read a TOML file; a byte order mark is passed over, as uv does.

    Raises:
        BrokenPyproject: it cannot be read, is not UTF-8 or does not parse.
    """
    try:
        return _parsed(path, path.read_bytes())
    except OSError as error:
        raise BrokenPyproject(path, f"cannot be read: {error.strerror}") from error


def read_if_there(path: Path) -> Mapping[str, Any] | None:
    """Read a TOML file as ``read_pyproject``; None where there is none: a setup.py does without.

    Raises:
        BrokenPyproject: as ``read_pyproject``; that one may not look is no proof that there is none.
    """
    try:
        return _parsed(path, path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise BrokenPyproject(path, f"cannot be read: {error.strerror}") from error


def _parsed(path: Path, data: bytes) -> Mapping[str, Any]:
    try:
        return tomli.loads(data.decode("utf-8-sig"))
    except tomli.TOMLDecodeError as error:
        raise BrokenPyproject(path, error.msg, line=error.lineno, column=error.colno) from error
    except UnicodeDecodeError as error:
        before = error.object[: error.start]
        line, column = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
        raise BrokenPyproject(path, "not valid UTF-8", line=line, column=column) from error
    except RecursionError as error:
        raise BrokenPyproject(path, "nested too deeply") from error
    except ValueError as error:  # an integer with more digits than Python reads
        raise BrokenPyproject(path, str(error)) from error


def table(parent: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    """The table at a dotted path; empty where there is none, or something else in its place."""
    for name in names:
        child = parent.get(name)
        if not isinstance(child, Mapping):
            return {}
        parent = child
    return parent


def strings(value: Any) -> tuple[str, ...]:
    """The strings of a list, whatever else it holds; empty for anything that is no list."""
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def is_package(pyproject: Mapping[str, Any]) -> bool:
    """Whether uv builds and installs the project: ``tool.uv.package`` says so, else there is a ``[build-system]``.

    Source: uv, ``PyProjectToml::is_package``.
    """
    declared = table(pyproject, "tool", "uv").get("package")
    return declared if isinstance(declared, bool) else "build-system" in pyproject


def project_name(pyproject: Mapping[str, Any]) -> str | None:
    """The normalised name of the project, None if it declares none."""
    from packaging.utils import canonicalize_name  # noqa: PLC0415 - slow to import, and a client needs no name

    name = table(pyproject, "project").get("name")
    return canonicalize_name(name) if isinstance(name, str) else None


def compiles_bytecode(config: Config, root_pyproject: Mapping[str, Any], environ: Mapping[str, str]) -> bool:
    """Whether what changed is compiled: as our own setting says, else as uv's do.

    ``UV_COMPILE_BYTECODE`` can only turn it on: uv treats a false value like an unset one, and its settings decide.
    """
    if config.compile_bytecode is not None:
        return config.compile_bytecode
    if environ.get("UV_COMPILE_BYTECODE", "").strip().lower() in _TRUE:
        return True
    return table(root_pyproject, "tool", "uv").get("compile-bytecode") is True
