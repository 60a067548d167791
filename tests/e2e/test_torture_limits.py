"""The rounds of ``scripts/torture watching`` that take something away or mix all of it, in small."""

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.e2e.conftest import Project

SCRIPT = Path(__file__).parents[2] / "scripts" / "torture_watching.py"


@pytest.mark.parametrize("name", ["unreadable", "scarce", "arriving", "walk"])
def test_a_small_round_ends_with_tree_and_copy_equal(tmp_path: Path, user: Mapping[str, str], name: str) -> None:
    place = Project(root=tmp_path, env=user, prefix=tmp_path / name / ".venv")
    done = place.run(sys.executable, SCRIPT, "--small", "--seed", "1", "--home", tmp_path, name)
    said, told = done.stdout.splitlines()[:2]
    assert said == "seed 1"
    assert told.startswith(f"{name}: ok: "), done.stdout + done.stderr
    assert done.returncode == 0
