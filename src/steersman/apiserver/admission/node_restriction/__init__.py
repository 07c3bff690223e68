"""NodeRestriction: a node writes about itself and its own pods, nothing else."""
