"""`python -m steersman` is the command `steersman`."""

from steersman.cli.main import main

main()
