"""What all tests share."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """Run coroutines on trio: its checks are the stricter ones, and its clock can be a mock."""
    return "trio"
