"""``scripts/torture workspace`` in small: it judges by itself that only the changed member was touched."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.e2e.conftest import PATIENCE

SCRIPT = Path(__file__).parents[2] / "scripts" / "torture_workspace.py"


def test_in_a_workspace_only_the_changed_members_files_are_touched(tmp_path: Path, user: Mapping[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT, "--members", "12", "--installed", "6"],
        cwd=tmp_path,
        env={**user, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=4 * PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "touched member001-1.0.dist-info/RECORD, member001/value.py\n" in done.stdout
    assert done.stdout.endswith("only what changed was touched\n")
