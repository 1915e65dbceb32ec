"""Where the fixtures come from, how many examples a property is tried with, what is left out."""

import os
from typing import Final

import pytest
from hypothesis import HealthCheck, settings

PROFILE: Final = os.environ.get("TEST_PROFILE", "short")

pytest_plugins = ["tests.postgres"]

settings.register_profile(
    "short",
    max_examples=20,
    deadline=None,
    # A fixture that is made once a test is shared by its examples: they start from new workspaces.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.register_profile("long", parent=settings.get_profile("short"), max_examples=300)
settings.load_profile(PROFILE)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what takes minutes, unless the run is the long one."""
    if PROFILE == "long":
        return
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(pytest.mark.skip(reason="takes minutes: runs in `make test-long`"))
