"""The plug-ins of the DNS server, in the order in which a question passes them."""

from steersman.dns.chain import Plugin
from steersman.dns.plugins.cache import Cache
from steersman.dns.plugins.errors import Errors
from steersman.dns.plugins.forward import Forward
from steersman.dns.plugins.hosts import Hosts
from steersman.dns.plugins.kubernetes import Kubernetes
from steersman.dns.plugins.loadbalance import LoadBalance
from steersman.dns.plugins.metrics import Metrics

__all__ = ["DNS_CHAIN"]

DNS_CHAIN: tuple[type[Plugin], ...] = (
    Metrics,  # counts everything, failures included
    Errors,  # what any later one raises becomes SERVFAIL
    LoadBalance,  # also shuffles what comes out of the cache
    Hosts,
    Kubernetes,  # before the cache: it answers from memory and must never be stale
    Cache,
    Forward,
)
