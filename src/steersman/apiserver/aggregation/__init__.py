"""Aggregated APIs: group versions that other servers implement behind this one."""
