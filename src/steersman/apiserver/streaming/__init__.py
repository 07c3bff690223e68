"""Streaming sub-resources: exec, attach, port-forward, logs and proxies."""
