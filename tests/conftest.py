"""What all tests share."""

import pytest
from hypothesis import settings

# A busy machine takes long for one example now and then: that is no failure.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


@pytest.fixture
def anyio_backend() -> str:
    """Run coroutines on trio: its checks are the stricter ones, and its clock can be a mock."""
    return "trio"
