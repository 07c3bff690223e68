"""Strategies of the group `certificates`: one module per kind that is special."""
