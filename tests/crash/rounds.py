"""How many times the server is killed."""

from __future__ import annotations

import os

ROUNDS = int(os.environ.get("STEERSMAN_CRASH_ROUNDS", "20"))
"""Kills in all, half of them on each store; 200 make the long run."""
