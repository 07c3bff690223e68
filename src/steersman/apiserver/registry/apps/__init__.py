"""Strategies of the group `apps`: one module per kind that is special."""
