"""The log that notebook 07 reads is what the command in its text makes."""

import gzip
import json
import re
from pathlib import Path

from searchlogs.command.cli import main

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
LOG = "shop.ubi.ndjson.gz"


def test_the_shipped_log_is_what_the_command_makes(tmp_path: Path) -> None:
    notebook = json.loads((NOTEBOOKS / "07-your-own-logs.ipynb").read_text(encoding="utf-8"))
    prose = "".join(line for cell in notebook["cells"] for line in cell["source"])
    (command,) = re.findall(r"`python -m searchlogs (simulate [^`]*)`", prose)
    *arguments, name = command.split()
    assert (arguments[-1], name) == ("--out", LOG)
    assert main([*arguments, str(tmp_path / LOG)]) == 0
    shipped, made = (
        gzip.decompress((folder / LOG).read_bytes()) for folder in (NOTEBOOKS, tmp_path)
    )
    assert shipped == made, "make it again, and run the notebook again"


def test_the_shipped_log_is_small() -> None:
    assert (NOTEBOOKS / LOG).stat().st_size <= 250_000
