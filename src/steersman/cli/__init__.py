"""The command `steersman`: thin. One module a command, loaded when that command runs and not before."""
