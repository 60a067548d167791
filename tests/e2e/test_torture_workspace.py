"""``scripts/torture workspace`` in small: it judges by itself that only the changed member was touched."""

from collections.abc import Mapping
from pathlib import Path

from tests.e2e.rounds import torture


def test_in_a_workspace_only_the_changed_members_files_are_touched(tmp_path: Path, user: Mapping[str, str]) -> None:
    # The tests beside this one stretch what a check takes; how long it may take is judged by the whole round, alone.
    small = ("--members", "12", "--installed", "6", "--limit", "30")
    lines = torture("workspace", *small, home=tmp_path, env=user)
    assert any(line.endswith("touched member001-1.0.dist-info/RECORD, member001/value.py") for line in lines)
    assert lines[-1].endswith("only what changed was touched")
