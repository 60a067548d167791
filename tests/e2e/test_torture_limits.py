"""The rounds of ``scripts/torture watching`` that take something away or mix all of it, in small."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.e2e.rounds import torture


@pytest.mark.parametrize("name", ["passing", "modules", "unreadable", "scarce", "arriving", "walk"])
def test_a_small_round_ends_with_tree_and_copy_equal(tmp_path: Path, user: Mapping[str, str], name: str) -> None:
    lines = torture("watching", "--small", "--seed", "1", "--home", tmp_path, name, home=tmp_path, env=user)
    assert lines[0] == "seed 1"
    assert lines[1].startswith(f"{name}: ok: ")
