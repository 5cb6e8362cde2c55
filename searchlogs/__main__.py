"""`python -m searchlogs`: the command `searchlogs` where no script is installed."""

import sys

from searchlogs.command.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
