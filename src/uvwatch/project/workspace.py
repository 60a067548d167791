"""Where the project lies: its pyproject.toml, its workspace root, and the members, by uv's rules.

Source of the rules: uv, ``crates/uv-workspace/src/workspace.rs``. This module knows directories and pyproject.toml; it
must not know environments, locks or what is installed.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from uvwatch.errors import Fatal
from uvwatch.project.pyproject import read_pyproject, strings, table


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """Where uv's work begins, as absolute paths.

    ``project`` is the directory of the nearest pyproject.toml and ``root`` the workspace root, the same where there is
    no workspace; ``pyproject`` and ``root_pyproject`` are their parsed files.
    """

    root: Path
    project: Path
    pyproject: Mapping[str, Any]
    root_pyproject: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace(Root):
    """What uv works on: ``members`` are the directories of all that exist, the root among them if it is a project."""

    members: tuple[Path, ...]


def find(start: Path) -> Workspace:
    """The workspace that uv would take in the directory ``start``.

    Raises:
        BrokenPyproject: a pyproject.toml on the way, or a member's, cannot be read.
        Fatal: ``start`` is no directory, there is no pyproject.toml here or above, or uv does not manage the project.
    """
    found = find_root(start)
    return Workspace(
        root=found.root,
        project=found.project,
        pyproject=found.pyproject,
        root_pyproject=found.root_pyproject,
        members=tuple(sorted(_members(found.root, found.root_pyproject))),
    )


def find_root(start: Path) -> Root:
    """What ``find`` finds, but for the members: it reads two files at the most.

    Raises:
        BrokenPyproject: the project's pyproject.toml, or that of the workspace root, cannot be read.
        Fatal: as ``find``.
    """
    project = find_project(start)
    pyproject = read_pyproject(project / "pyproject.toml")
    if _is_unmanaged(pyproject):
        raise Fatal(f"{project / 'pyproject.toml'}: tool.uv.managed is false, so uv does not install this project")
    root, root_pyproject = _root(project, pyproject)
    if root_pyproject is pyproject and _definition(pyproject) is None and "project" not in pyproject:
        raise Fatal(f"{project / 'pyproject.toml'}: has neither a [project] table nor [tool.uv.workspace]")
    return Root(root=root, project=project, pyproject=pyproject, root_pyproject=root_pyproject)


def find_project(start: Path) -> Path:
    """The directory of the nearest pyproject.toml, whatever it holds.

    Raises:
        Fatal: ``start`` is no directory, or there is no pyproject.toml here or above.
    """
    start = Path(os.path.abspath(start))  # noqa: PTH100 - resolve() would follow symbolic links, which uv does not
    refuse_unusable(start / "pyproject.toml")
    if not start.is_dir():
        raise Fatal(f"{start}: {'not a directory' if start.exists() else 'no such directory'}")
    project = next((each for each in (start, *start.parents) if _has_pyproject(each)), None)
    if project is None:
        raise Fatal(f"no pyproject.toml in {start} or above it")
    return project


def refuse_unusable(path: Path) -> None:
    """Refuse a path, of which nothing need be there, that the system will not look at.

    Once, where a path comes in: later each question about it would fail, in its own way.

    Raises:
        Fatal: a name in it is too long, or holds a null byte; symbolic links lead in a circle; no access.
    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return
    except (OSError, ValueError) as error:
        raise Fatal(f"{path}: cannot be looked at ({getattr(error, 'strerror', None) or error})") from error


def _root(project: Path, pyproject: Mapping[str, Any]) -> tuple[Path, Mapping[str, Any]]:
    """The workspace root and its pyproject.toml. Only the nearest one above is asked: uv knows no nested workspaces."""
    if _definition(pyproject) is None and "project" in pyproject:
        above = next((each for each in project.parents if _has_pyproject(each)), None)
        if above is not None:
            candidate = read_pyproject(above / "pyproject.toml")
            definition = _definition(candidate)
            if definition is not None and project in _matches(above, definition):
                return above, candidate
    return project, pyproject


def _members(root: Path, root_pyproject: Mapping[str, Any]) -> Iterator[Path]:
    """The roots of all members: uv refuses one without pyproject.toml or ``[project]``, here it is no member."""
    if "project" in root_pyproject:
        yield root
    seen = {root}
    for match in _matches(root, _definition(root_pyproject) or {}):
        member = Path(os.path.normpath(match))
        if member in seen or not _has_pyproject(member):
            continue
        seen.add(member)
        pyproject = read_pyproject(member / "pyproject.toml")
        if "project" in pyproject and not _is_unmanaged(pyproject):
            yield member


def _matches(root: Path, definition: Mapping[str, Any]) -> frozenset[Path]:
    """The paths that ``members`` names and ``exclude`` does not, compared as written: ``root/../x`` is not ``x``."""
    included, excluded = (
        {path for pattern in strings(definition.get(key)) for path in _glob(root, pattern)}
        for key in ("members", "exclude")
    )
    return frozenset(included - excluded)


def _glob(root: Path, pattern: str) -> Iterator[Path]:
    """What a glob names below ``root``, hidden names included; a last ``**`` does not name its own directory."""
    path = Path(pattern)
    base = Path(path.anchor) if path.is_absolute() else root
    parts = [part for part in path.parts if part != path.anchor]
    if not parts:
        yield base
        return
    if parts[-1] == "**":
        parts.append("*")
    try:
        yield from base.glob("/".join(parts))
    except ValueError as error:
        raise Fatal(
            f"{root / 'pyproject.toml'}: tool.uv.workspace has the invalid glob {pattern!r}: {error}"
        ) from error


def _definition(pyproject: Mapping[str, Any]) -> Mapping[str, Any] | None:
    definition = table(pyproject, "tool", "uv").get("workspace")
    return definition if isinstance(definition, Mapping) else None


def _is_unmanaged(pyproject: Mapping[str, Any]) -> bool:
    return table(pyproject, "tool", "uv").get("managed") is False


def _has_pyproject(directory: Path) -> bool:
    return (directory / "pyproject.toml").is_file()
