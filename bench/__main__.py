"""Run every measurement and print the figures beside their reference."""

from __future__ import annotations

import sys

from bench import api, stages


def main() -> int:
    """Print all tables; the exit status says whether every budget was kept."""
    return 0 if all([api.main(), stages.main()]) else 1


if __name__ == "__main__":
    sys.exit(main())
