"""Fixtures for everybody."""

pytest_plugins = ["tests.fixtures.apiserver", "tests.fixtures.webhook"]
