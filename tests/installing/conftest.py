"""What tests of installing share."""

from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all tests of one file keep their build environments."""
    return tmp_path_factory.mktemp("builds")
