"""The rounds of ``scripts/torture watching`` that take something away or mix all of it, in small."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.e2e.conftest import PATIENCE

SCRIPT = Path(__file__).parents[2] / "scripts" / "torture_watching.py"


@pytest.mark.parametrize("name", ["passing", "unreadable", "scarce", "arriving", "walk"])
def test_a_small_round_ends_with_tree_and_copy_equal(tmp_path: Path, user: Mapping[str, str], name: str) -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT, "--small", "--seed", "1", "--home", tmp_path, name],
        env=user,
        capture_output=True,
        text=True,
        timeout=10 * PATIENCE,
        check=False,
    )
    said, told = done.stdout.splitlines()[:2]
    assert said == "seed 1"
    assert told.startswith(f"{name}: ok: "), done.stdout + done.stderr
    assert done.returncode == 0
