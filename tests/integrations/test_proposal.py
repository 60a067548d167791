"""A file of another project is nobody's to write."""

from pathlib import Path

import pytest

from uvwatch.errors import Fatal
from uvwatch.integrations.proposal import Proposal, require_inside


def proposal(path: Path) -> Proposal:
    return Proposal(path=path, before="", after="new")


def test_what_lies_outside_of_the_workspace_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    root = tmp_path / "here"
    root.mkdir()
    (tmp_path / "link").symlink_to(root)
    require_inside([proposal(root / "pyproject.toml"), proposal(tmp_path / "link" / "pyproject.toml")], root)

    outside = tmp_path / "other" / "pyproject.toml"
    with pytest.raises(Fatal, match=f"^{outside} lies outside of {root}: "):
        require_inside([proposal(root / "pyproject.toml"), proposal(outside)], root)
