"""The Container Runtime Interface, v1: the messages and calls that Steersman uses.

`cri.proto` is compiled next to itself by the build hook (`cri_pb2`, `cri_pb2_grpc`); the field numbers are
those of the published interface, so any CRI runtime (containerd, CRI-O) understands it. Nothing here does
I/O.
"""
