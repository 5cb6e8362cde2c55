"""Outputs that a script brings to life: the script, its data, and the element that it fills."""

import json
from hashlib import sha256
from importlib.resources import files
from typing import Any


def scripted(name: str, data: Any) -> str:
    """Return HTML with an element that the script `name`.js of this folder fills from the data.

    The same data give the same bytes. Two outputs of the same data are both filled.
    """
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
    mark = sha256(text.encode()).hexdigest()[:12]
    script = files("searchlogs.figures").joinpath(f"{name}.js").read_text(encoding="utf-8")
    return f'<div data-{name}="{mark}"></div><script>({script.strip()})("{mark}",{text})</script>'
