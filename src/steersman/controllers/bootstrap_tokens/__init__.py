"""Bootstrap tokens: they vouch for the ConfigMap cluster-info, and go when they have expired."""
