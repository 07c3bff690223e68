"""The scale-out store: one etcd cluster (v3 gRPC, 3.4 or later) behind any number of API servers.

`EtcdStore.open(...)` is the entry; the other modules are its parts:

    members    connections to the cluster: fail-over, retries, what its errors mean
    requests   the messages that reads and writes become (pure)
    follower   the one watch through which every change reaches this process, in order
    leases     keys that end with their time
"""
