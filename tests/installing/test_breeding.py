import os
import sys
from pathlib import Path

import anyio
import pytest

from uvwatch.installing.breeding import Zygote, ZygoteLost
from uvwatch.installing.process import Transcript

pytestmark = pytest.mark.anyio


async def run(python: Path, directory: Path, script: str) -> str:
    """Run a script as a hook would be, and return what it printed."""
    path = directory / "script.py"
    path.write_text(script)
    transcript = Transcript(None)
    async with anyio.create_task_group() as tasks:
        zygote = Zygote(python, directory=directory, env={"PATH": os.environ["PATH"]}, cold=False)
        await tasks.start(zygote.live)
        try:
            status = await zygote.run(
                ["python", str(path), "hook", str(directory)],
                cwd=str(directory),
                env={},
                backend=None,
                transcript=transcript,
                timeout=60,
            )
        except ZygoteLost as error:
            return f"lost: {error}"
        finally:
            zygote.retire()
    transcript.end()
    return f"{status} {transcript.text}"


async def test_a_hook_is_run_and_its_lines_are_heard_whatever_their_bytes(tmp_path: Path) -> None:
    script = "import sys; sys.stdout.buffer.write(b'caf\\xe9 \\xc3\\xa9\\n' * 3)"
    assert await run(Path(sys.executable), tmp_path, script) == "0 " + "\n".join(["caf\\xe9 é"] * 3)


async def test_much_output_comes_whole(tmp_path: Path) -> None:
    said = await run(Path(sys.executable), tmp_path, "for n in range(50_000): print(n)\nprint('end')")
    assert said.endswith("49998\n49999\nend")


async def test_an_interpreter_that_cannot_be_run_is_a_lost_zygote(tmp_path: Path) -> None:
    python = tmp_path / "python"
    assert await run(python, tmp_path, "") == f"lost: {python}: No such file or directory"


async def test_an_interpreter_that_fails_is_a_lost_zygote_with_its_last_words(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho 'no encodings' >&2\nexit 1\n")
    python.chmod(0o755)
    assert await run(python, tmp_path, "") == "lost: no encodings"
