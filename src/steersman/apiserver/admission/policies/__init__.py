"""Admission policies: rules and mutations in CEL, kept as objects of the API."""
