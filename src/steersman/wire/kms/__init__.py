"""The KMS v2 interface between an API server and a key management plug-in.

`kms.proto` is compiled next to itself by the build hook; names and field numbers are those of the published
interface. Nothing here does I/O.
"""
