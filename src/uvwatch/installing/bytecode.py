"""Bytecode for the files that changed, made by the environment's own interpreter.

uv compiles the whole environment or nothing (``--compile-bytecode``); this compiles what it is told to. It must not
know why a file changed.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import PurePath

import structlog

from uvwatch.errors import CycleFailed
from uvwatch.installing.process import run

_AT_ONCE = 400
_TIMEOUT = 60.0

log = structlog.get_logger()


async def compile_changed(
    python: str, files: Sequence[str], *, environ: Mapping[str, str] | None = None, timeout: float = _TIMEOUT
) -> bool:
    """Compile ``.py`` files to bytecode, and return whether all went well; a failure is logged and harms nothing.

    The bytecode is valid by its source's time and size, whatever ``SOURCE_DATE_EPOCH`` says: with that variable set,
    compileall writes bytecode that is checked by hash (Python's library reference, ``compileall``), which uv's is not.

    Args:
        python: the environment's interpreter.
        files: absolute paths; a file with a syntax error is left without bytecode.
        environ: the environment variables of the interpreter; None for our own.
        timeout: seconds that 400 files may take.
    """
    well = True
    for start in range(0, len(files), _AT_ONCE):
        some = files[start : start + _AT_ONCE]
        argv = [python, "-m", "compileall", "-q", "-f", "--invalidation-mode", "timestamp", *some]
        env = dict(os.environ if environ is None else environ)
        try:
            # -m puts the working directory first on sys.path; beside the interpreter nothing hides Python's modules.
            done = await run(argv, cwd=str(PurePath(python).parent), env=env, timeout=timeout)
        except CycleFailed as error:
            log.warning("bytecode.failed", reason=str(error))
            return False
        if done.returncode != 0:
            log.warning("bytecode.failed", files=len(some), output=done.output)
            well = False
    return well
