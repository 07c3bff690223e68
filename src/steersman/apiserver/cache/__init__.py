"""The watch cache: every object of every resource as encoded bytes, and the recent changes of each."""
