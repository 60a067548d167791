"""A wheel from a tree, built aside by uv: nothing is installed.

It knows how to ask and how to find the answer. It must not know what the wheel is compared with.
"""

from collections.abc import Mapping
from pathlib import Path

from uvwatch.errors import CycleFailed, FailureKind
from uvwatch.installing.process import OnLine
from uvwatch.installing.uv import Uv, build_command, run_cached


async def build_wheel(  # noqa: PLR0913 - what, with what, and where
    uv: Uv,
    root: str,
    *,
    out_dir: str,
    python: str,
    workspace: Path,
    environ: Mapping[str, str],
    timeout: float,
    on_line: OnLine | None = None,
) -> str:
    """Build the wheel of a distribution from its tree as it stands, and return the wheel's path.

    Args:
        uv: the uv to run.
        root: the distribution's directory.
        out_dir: an empty directory outside the tree; it gets the wheel and nothing else.
        python: the interpreter that the wheel is for.
        workspace: the project whose uv settings count for the build.
        environ: the user's environment variables.
        timeout: seconds that the build may take.
        on_line: given each line of the output as it comes.

    Raises:
        CycleFailed: the build failed or took too long, or left no single wheel.
    """
    command = build_command(uv, root, out_dir=out_dir, python=python, root=str(workspace), environ=environ)
    done = await run_cached(command, timeout=timeout, on_line=on_line, root=Path(root))
    wheels = sorted(Path(out_dir).glob("*.whl"))  # noqa: ASYNC240 - one listing of a directory with one file
    if len(wheels) != 1:
        raise CycleFailed(
            FailureKind.BUILD, f"the build of {root} left {len(wheels)} wheels where one belongs", output=done.output
        )
    return str(wheels[0])
