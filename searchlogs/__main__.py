"""`python -m searchlogs`: check this machine, or run a command on a log."""

import sys

from searchlogs.command.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
