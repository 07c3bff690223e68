"""What a node may do: read what its pods refer to, and write about itself.

    secret, config map, claim, service account ──> pod ──> node
    secret ──> volume ──> claim ──> pod ──> node

`references.py` says what a pod or a volume refers to, `graph.py` looks for a path to a node in the server's
own caches, `authorizer.py` decides. What a node may write is narrowed further by the admission plug-in
NodeRestriction.
"""
