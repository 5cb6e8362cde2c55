"""The command `python -m searchlogs`: check a machine, make a log, run one."""
