"""Strategies of the group `batch`: one module per kind that is special."""
