"""A small round of ``scripts/torture``, as a test runs it: in a place of its own, for a user who set nothing."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.e2e.lines import PATIENCE

SCRIPTS = Path(__file__).parents[2] / "scripts"


def torture(name: str, *options: str | Path, home: Path, env: Mapping[str, str]) -> list[str]:
    """Run ``torture_NAME.py`` to its end, which must be a good one; the lines that it printed."""
    done = subprocess.run(
        [sys.executable, SCRIPTS / f"torture_{name}.py", *options],
        cwd=home,
        env={**env, "TMPDIR": str(home)},
        capture_output=True,
        text=True,
        timeout=10 * PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()
