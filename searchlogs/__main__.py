"""`python -m searchlogs`: the command `searchlogs` where no script is installed."""

import sys

from searchlogs.command.cli import MODULE, script

if __name__ == "__main__":
    sys.exit(script(MODULE))
