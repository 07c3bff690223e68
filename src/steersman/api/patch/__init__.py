"""Patches: pure functions from a document and a patch to a new document.

- `json_patch`: RFC 6902, a list of operations;
- `merge`: RFC 7386, objects merge and null deletes;
- `strategic`: Kubernetes' strategic merge patch, which merges lists by the keys the schema names;
- `apply`: server-side apply and the ownership of fields.

None of them changes or shares what it is given.
"""
