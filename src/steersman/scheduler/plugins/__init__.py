"""The scheduling plug-ins, in the order in which they are asked.

The order of the filters is the order in which reasons are given: a node is turned away for the first filter
it fails. Cheap and decisive ones come first, those that look at other pods last.
"""

from steersman.scheduler.framework import Plugin
from steersman.scheduler.plugins.image_locality import ImageLocality
from steersman.scheduler.plugins.inter_pod_affinity import InterPodAffinity
from steersman.scheduler.plugins.node_affinity import NodeAffinity
from steersman.scheduler.plugins.node_ports import NodePorts
from steersman.scheduler.plugins.node_resources_balanced_allocation import NodeResourcesBalancedAllocation
from steersman.scheduler.plugins.node_resources_fit import NodeResourcesFit
from steersman.scheduler.plugins.node_unschedulable import NodeUnschedulable
from steersman.scheduler.plugins.pod_topology_spread import PodTopologySpread
from steersman.scheduler.plugins.taint_toleration import TaintToleration

__all__ = ["PLUGINS"]

PLUGINS: tuple[type[Plugin], ...] = (
    NodeUnschedulable,
    TaintToleration,
    NodeAffinity,
    NodePorts,
    NodeResourcesFit,
    NodeResourcesBalancedAllocation,
    ImageLocality,
    PodTopologySpread,
    InterPodAffinity,
)
