"""Where the fixtures come from, and how many examples a property is tried with."""

import os

from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.postgres"]

settings.register_profile(
    "short",
    max_examples=20,
    deadline=None,
    # A fixture that is made once a test is shared by its examples: they start from new workspaces.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.register_profile("long", parent=settings.get_profile("short"), max_examples=300)
settings.load_profile(os.environ.get("TEST_PROFILE", "short"))
