"""The node's network: CNI configuration, routes to other nodes' pods, masquerade of traffic that leaves the
cluster.

`run` works until it is cancelled; `cleanup` takes away everything it made. The plan is pure (`plan.py`), the
effects are files, `ip` and `nft`.
"""

from steersman.network.agent import cleanup, run
from steersman.network.config import NetworkConfig

__all__ = ["NetworkConfig", "cleanup", "run"]
