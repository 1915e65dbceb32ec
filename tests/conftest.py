"""Where the fixtures come from."""

pytest_plugins = ["tests.postgres"]
