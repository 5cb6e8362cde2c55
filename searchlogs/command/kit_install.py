"""Install the course from this folder, and check it. No network is needed.

Run it with any Python 3: it finds the Python that the packages are for.
"""

import os
import re
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

WHEELS, NOTEBOOKS, PLACE = "wheels", "notebooks", "venv"
"""Names of the folders with the packages and the notebooks, and of the one that is made."""


def main(kit: Path) -> int:
    """Install the course; return the exit status."""
    (engine,) = kit.glob(f"{WHEELS}/bytewax-*.whl")
    found = re.search(r"-cp3(\d+)-", engine.name)
    assert found
    version, place = f"3.{found[1]}", kit / PLACE
    uv = unpack_uv(kit)
    quiet = [uv, "--quiet", "--offline", "--no-cache", "--no-config"]
    new = ["venv", "--clear", "--no-python-downloads", "--python", version]
    if subprocess.run([*quiet, *new, str(place)]).returncode:
        print(f"Nothing was installed: this folder is for Python {version}. Install that first.")
        return 1
    python = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    source = ["--no-index", "--find-links", str(kit / WHEELS), "--python", str(python)]
    if subprocess.run([*quiet, "pip", "install", *source, "searchlogs[course]"]).returncode:
        print("Nothing was installed: is this folder complete, and made on a system like this one?")
        return 1
    if subprocess.run([str(python), "-m", "searchlogs", "check"], cwd=str(kit)).returncode:
        return 1
    print("To begin, type (in this folder):")
    print(f"{python} -m jupyterlab {Path(NOTEBOOKS) / '00-start-here.ipynb'}")
    return 0


def unpack_uv(kit: Path) -> str:
    """Take the program out of its package; return its path."""
    (package,) = kit.glob(f"{WHEELS}/uv-*.whl")
    with ZipFile(package) as archive:
        (name,) = (name for name in archive.namelist() if re.search(r"/uv(\.exe)?$", name))
        program = kit / Path(name).name
        program.write_bytes(archive.read(name))
    program.chmod(0o755)
    return str(program)


if __name__ == "__main__":
    sys.exit(main(Path(__file__).resolve().parent))
