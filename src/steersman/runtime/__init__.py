"""What every component stands on: tasks with owners, clock, back-off, log, metrics, health, the program
frame."""
