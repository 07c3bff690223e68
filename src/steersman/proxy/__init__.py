"""The service proxy of a node: Services as packet-filter rules. `run` works until it is cancelled, `cleanup`
removes the rules."""

from steersman.proxy.agent import cleanup, run
from steersman.proxy.config import ProxyConfig

__all__ = ["ProxyConfig", "cleanup", "run"]
