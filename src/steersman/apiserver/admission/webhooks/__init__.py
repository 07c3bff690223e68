"""Mutating and validating webhooks."""
