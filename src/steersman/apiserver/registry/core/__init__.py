"""Strategies of the group `core`: one module per kind that is special."""
