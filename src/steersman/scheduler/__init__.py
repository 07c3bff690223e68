"""The scheduler: finds every pod a node. `run` works until it is cancelled.

Linear-algebra threads are switched off before numpy is loaded: the arrays are small, and idle threads cost
memory.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from steersman.scheduler.config import SchedulerConfig
from steersman.scheduler.server import run

__all__ = ["SchedulerConfig", "run"]
