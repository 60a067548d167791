"""The sample projects whose backends compile nothing: after a save each copy equals what uv installs of its tree."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from scripts.torture_projects import Sample
from tests.e2e.conftest import Sampled
from tests.e2e.samples import PLAIN, require_followed


@pytest.fixture(scope="module")
def caches(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build environments are made once, as for a user with many projects."""
    return tmp_path_factory.mktemp("caches")


@pytest.fixture
def user(user: Mapping[str, str], caches: Path) -> Mapping[str, str]:
    return {**user, "XDG_CACHE_HOME": str(caches)}


@pytest.mark.parametrize("example", PLAIN, ids=lambda each: each.name)
def test_new_removed_and_changed_files_are_what_the_real_backend_makes_of_them(
    example: Sample, sample: Sampled
) -> None:
    require_followed(sample(example.name), example)
