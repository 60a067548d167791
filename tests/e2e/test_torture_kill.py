"""A killed daemon leaves what is installed whole, and the next start heals: ``scripts/torture kill`` in small."""

import re
from pathlib import Path

from tests.e2e.rounds import torture


def test_after_kills_at_random_moments_imports_work_and_the_next_start_heals(
    tmp_path: Path, user: dict[str, str]
) -> None:
    lines = torture("kill", "--kills", "6", "--seed", "4", home=tmp_path, env=user)
    assert lines[0] == "seed 4, 6 kills"
    assert lines[1].startswith("6 kills in ")
    healed = re.fullmatch(r"healed by the next start: (\d+) of (\d+)", lines[4])
    assert healed
    assert healed[1] == healed[2] != "0"
    assert lines[5] == "equal to uv's own reinstall: 1 comparisons"
