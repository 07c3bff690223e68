"""Probes of containers: how to ask (`handlers.py`), what answers add up to (`verdict.py`), when to ask
(`prober.py`).
"""
