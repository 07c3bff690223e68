"""A cluster on this machine: `steersman up` and everything that looks after it.

up.py          the phases of `up`, in order          down.py      taking all of it away again
cluster.py     what a cluster is, and where it is kept (`D/cluster.json`, the register of clusters)
preflight.py   what is wrong with this machine, found before anything is changed
addresses.py   free networks and ports               host.py      bridge, routes and NAT of the host
node.py        one node: namespaces, containerd, agent
supervisor.py  the small program that owns the processes; `processes.py` under it, `control.py` its caller
demo.py        the application `make up` deploys     images.py    getting images into nodes
"""
