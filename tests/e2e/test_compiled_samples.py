"""The sample projects with C, Cython and Meson: after a save each copy equals what uv installs of its tree."""

from collections.abc import Mapping

import pytest

from scripts.torture_projects import Sample
from tests.e2e.conftest import Sampled
from tests.e2e.samples import COMPILED, require_followed


@pytest.fixture
def user(user: Mapping[str, str]) -> Mapping[str, str]:
    """What a compiler's optimiser does is of no interest here, and takes long."""
    return {**user, "CFLAGS": "-O0 -g0"}


@pytest.mark.parametrize("example", COMPILED, ids=lambda each: each.name)
def test_new_removed_and_changed_files_are_what_the_real_compiler_makes_of_them(
    example: Sample, sample: Sampled
) -> None:
    require_followed(sample(example.name), example)
