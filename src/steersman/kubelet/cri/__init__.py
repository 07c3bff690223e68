"""The kubelet's side of the Container Runtime Interface.

`client.py` is the connection (one method a call, failures as `RuntimeCallFailed`), `observed.py` turns the
runtime's messages into frozen records, `cache.py` keeps the last known state of every pod and finds out
what changed.
"""
