"""The v3 API of etcd: the messages and calls that Steersman uses.

`etcd.proto` is compiled next to itself by the build hook (`etcd_pb2`, `etcd_pb2_grpc`); names and field
numbers are those of the published interface (etcd 3.4 and later). Nothing here does I/O.
"""
