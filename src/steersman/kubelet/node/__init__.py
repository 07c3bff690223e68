"""The Node object of this machine: registration, status, and the Lease that says that it lives."""
