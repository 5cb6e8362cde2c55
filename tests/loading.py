"""What a fresh process loads, also one that lacks some packages."""

import json
import subprocess
import sys

WITHOUT = """
import sys
from importlib.machinery import PathFinder


class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, *others):
        return None if name.partition(".")[0] in {missing} else super().find_spec(name, *others)


sys.meta_path[sys.meta_path.index(PathFinder)] = Without
"""
"""Lets Python find none of the packages `missing`, as if they were not installed."""


def loaded(code: str, missing: tuple[str, ...] = ()) -> list[str]:
    """Run code in a fresh process, and return the modules that it loaded.

    Args:
        code: The code; what it prints is dropped.
        missing: Packages that it is to find missing.
    """
    code = WITHOUT.format(missing=missing) + code
    code += "\nimport json, sys; print(json.dumps(sorted(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return list(json.loads(run.stdout.splitlines()[-1]))
