"""The rounds of ``scripts/torture barrier`` in small: each way once, and in turn without a daemon."""

import sys
from collections.abc import Mapping
from pathlib import Path

from tests.e2e.conftest import Project

SCRIPT = Path(__file__).parents[2] / "scripts" / "torture_barrier.py"


def test_a_small_round_of_the_torture_finds_the_bytes_installed_after_every_sync(
    tmp_path: Path, user: Mapping[str, str]
) -> None:
    place = Project(root=tmp_path, env=user, prefix=tmp_path / "project" / ".venv")

    with place.start(sys.executable, SCRIPT, "--rounds", "6", "--chunk", "1", "--seed", "1", "--home", tmp_path) as run:
        told = run.out.rest()
        assert run.ended() == 0, "\n".join([*told, *run.err.rest()])

    [equal] = [number for number, line in enumerate(told) if line.startswith("6 rounds, all equal: ")]
    assert [line.split(":")[0] for line in told[equal + 1 :]] == [
        "  beside a daemon",
        "  without a daemon",
        "  beside a daemon that polls",
        "  while uv run flips the environment",
    ]
