"""What can go wrong, in two kinds: what ends the program and what ends one cycle.

Errors are caught in two places only: the daemon's loop (``CycleFailed``) and ``cli.main`` (``Fatal``, and the bug that
is neither). Every message is one sentence for the user: what is wrong, where, and what to do.
"""

from enum import Enum


class UvwatchError(Exception):
    """The root of all errors that uvwatch raises on purpose."""


class Fatal(UvwatchError):
    """The program cannot go on: a usage, configuration or environment error.

    Attributes:
        exit_code: the exit status of the command (2 unless CONTRACT says otherwise).
    """

    def __init__(self, message: str, *, exit_code: int = 2) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class AlreadyRunningError(Fatal):
    """A daemon runs already for this environment."""

    def __init__(self, message: str) -> None:
        super().__init__(message, exit_code=1)


class FailureKind(Enum):
    """Where the cause of a failed cycle lies; the values are those of the JSON ``error.kind``."""

    BUILD = "build"
    UV = "uv"
    ENVIRONMENT = "environment"
    IO = "io"
    TIMEOUT = "timeout"


class CycleFailed(UvwatchError):
    """One distribution could not be made fresh; the daemon reports it, stays dirty and lives on.

    Attributes:
        kind: where the cause lies.
        path: the file at fault, relative to the project, if one is known.
        line: its line, from 1, if one is known.
        column: its column, from 1, if one is known.
        output: the last lines that uv or the backend printed.
    """

    def __init__(
        self,
        kind: FailureKind,
        message: str,
        *,
        path: str | None = None,
        line: int | None = None,
        column: int | None = None,
        output: str = "",
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.path = path
        self.line = line
        self.column = column
        self.output = output
