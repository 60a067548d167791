"""What all tests share."""

import pytest
from hypothesis import HealthCheck, settings

# A busy machine takes long to make or try an example now and then: that is no failure.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


@pytest.fixture
def anyio_backend() -> str:
    """Run coroutines on trio: its checks are the stricter ones, and its clock can be a mock."""
    return "trio"
