"""What ends a command, as the failure of a cycle or a check: with its place in the project, and with what to do.

It knows the kinds of errors. What became of the work is not known here.
"""

import os
from pathlib import Path

from uvwatch.core.model import Failure
from uvwatch.errors import CycleFailed, FailureKind, Fatal
from uvwatch.project.environment import NoEnvironment
from uvwatch.project.pyproject import BrokenPyproject


def reason_of(error: CycleFailed | Fatal | OSError, project: Path) -> CycleFailed:
    """What a failure says; a broken pyproject.toml is named with its place, relative to the project."""
    if isinstance(error, CycleFailed):
        return error
    if isinstance(error, OSError):  # what nobody foresaw of a disk is no bug, and may go away by itself
        return CycleFailed(FailureKind.IO, ": ".join(filter(None, (error.filename, error.strerror or str(error)))))
    if isinstance(error, BrokenPyproject):
        path = os.path.relpath(error.path, project)
        return CycleFailed(FailureKind.BUILD, error.message, path=path, line=error.line, column=error.column)
    if isinstance(error, NoEnvironment):
        return CycleFailed(FailureKind.ENVIRONMENT, ": ".join(absence(error)))
    return CycleFailed(FailureKind.ENVIRONMENT, str(error))


def absence(absent: NoEnvironment) -> tuple[str, str]:
    """What is in the place of an environment, and what to do: uv's own command would make an editable install."""
    what = str(absent).rpartition(": ")[0] or str(absent)
    made = "run `uvwatch sync`"
    # The directory may have been named by mistake, and hold what nobody has twice.
    elsewhere = f"take another directory, or remove {absent.prefix} if nothing in it is a loss, then {made}"
    return what, made if absent.can_be_made else elsewhere


def failure_of(error: CycleFailed) -> Failure:
    """Turn what was raised into the value that events carry."""
    return Failure(
        kind=error.kind,
        message=str(error),
        path=error.path,
        line=error.line,
        column=error.column,
        output=error.output,
    )
