"""The rounds of ``scripts/torture watching`` in small: real events, real git, and no audit that heals."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.e2e.conftest import Project
from tests.e2e.rounds import torture


@pytest.mark.parametrize("name", ["burst", "refill", "nested", "append", "creep", "git", "odd"])
def test_a_small_round_of_the_torture_ends_with_tree_and_copy_equal(
    tmp_path: Path, user: Mapping[str, str], name: str
) -> None:
    place = Project(root=tmp_path, env=user, prefix=tmp_path / name / ".venv")
    lines = torture("watching", "--small", "--seed", "1", "--home", tmp_path, name, home=tmp_path, env=user)
    assert lines[0] == "seed 1"
    assert lines[1].startswith(f"{name}: ok: ")
    assert place.installed("pkg/__init__.py") == 'VALUE = "one"\n'
