"""From a Pod object to running containers.

`plan.py` decides (pure); `worker.py` carries out, one worker a pod uid; `workers.py` holds the workers and
`sources.py` feeds them.  The other modules turn parts of a Pod into parts of CRI requests and are pure as
well.
"""
