"""Where uv's settings lie: it reads those that can make a build another one, and has the core judge them.

Source of the places: uv's documentation, "Configuration files". It must not know what a build does with them.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from uvwatch.core.building import needs_uv
from uvwatch.project.pyproject import BrokenPyproject, read_if_there, read_pyproject, table
from uvwatch.project.workspace import Workspace


def uv_tomls(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """The user's and the system's uv.toml, as far as they exist: uv reads them wherever it runs."""
    user = environ.get("XDG_CONFIG_HOME") or os.path.join(environ.get("HOME", "/"), ".config")  # noqa: PTH118
    system = [*(environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":"), "/etc"]
    found = (Path(where, "uv", "uv.toml") for where in (user, *system) if where)
    return tuple(path for path in found if path.is_file())


def why_uv(root: str, *, workspace: Workspace, environ: Mapping[str, str], python_version: str) -> str | None:
    """Say why ``uv build --wheel`` has to build the distribution in ``root``; None if a resident build can.

    Args:
        root: the distribution's directory.
        workspace: the project whose uv settings count.
        environ: the user's environment variables.
        python_version: of the interpreter that the wheel is for, ``X.Y.Z``.
    """
    try:
        pyproject = _read(Path(root, "pyproject.toml"))
        user_settings = [read_pyproject(path) for path in uv_tomls(environ)]
    except BrokenPyproject as error:
        return str(error)
    own_toml = next((str(path) for path in _above(workspace.root) if path.is_file()), None)
    return needs_uv(
        pyproject,
        settings=(table(workspace.root_pyproject, "tool", "uv"), table(pyproject, "tool", "uv")),
        user_settings=user_settings,
        uv_toml=own_toml,
        environ=environ,
        python_version=python_version,
        forks=hasattr(os, "fork"),
    )


def _above(root: Path) -> Iterator[Path]:
    return (each / "uv.toml" for each in (root, *root.parents))


def _read(path: Path) -> Mapping[str, Any]:
    return read_if_there(path) or {}
