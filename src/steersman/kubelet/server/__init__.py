"""The HTTPS server of the kubelet (port 10250): logs, exec, attach, port-forward, pods, statistics.

`serve(config, access, client)` runs it until it is cancelled; `KubeletServer` is the same as a context
manager. All it knows of the pods comes through `PodAccess` (access.py), which the pod workers implement.
Every request is authenticated (client certificate of the cluster CA, or bearer token by TokenReview) and
authorised (system:masters, or SubjectAccessReview on the node's sub-resources).
"""

from steersman.kubelet.server.access import PodAccess, StreamOptions
from steersman.kubelet.server.server import KubeletServer, ServerConfig, serve

__all__ = ["KubeletServer", "PodAccess", "ServerConfig", "StreamOptions", "serve"]
