"""The cluster's DNS server, one on every node. `run` works until it is cancelled."""

from steersman.dns.agent import run
from steersman.dns.config import DNSConfig

__all__ = ["DNSConfig", "run"]
