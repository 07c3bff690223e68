"""Figures, and the programs that take them: `make bench`."""
