"""Answers to the exercise of notebook 07."""

from typing import Any

from searchlogs.exercises.your_own_logs import options

FIELDS = "user=uid,time=ts,event=action,query=q,item=doc.id,position=doc.rank"


KINDS = "search=querySubmitted,click=open"


RIGHT: dict[str, list[Any]] = {
    "foreign_log": [
        options(),
        f"--time-unit=s --kinds={KINDS} --map={FIELDS}",
        f"--kinds click=open --kinds search=querySubmitted --map {FIELDS} --time-unit s",
        f"  --map  {FIELDS}   --kinds {KINDS}\n--time-unit s",
        f"--map '{FIELDS}' --kinds '{KINDS}' --time-unit 's'",
        f"--map {FIELDS} --kinds {KINDS} --time-unit s --zone Europe/Berlin",
        f"--map {FIELDS} --kinds {KINDS} --time-unit s --format jsonl --gap 10m",
        f"--map user=uid --map {FIELDS.removeprefix('user=uid,')} --kinds {KINDS} --time-unit s",
        " ".join(["--map", FIELDS, "--kinds", KINDS, "--time-unit", "s"]),
    ],
}


WRONG: dict[str, list[tuple[Any, str]]] = {
    "foreign_log": [
        (f"--map {FIELDS.replace(',', ', ')} --kinds {KINDS} --time-unit s", "without spaces"),
        (f"--map {FIELDS} --kinds {KINDS.replace('=', ' = ')} --time-unit s", "without spaces"),
        (f"--map {FIELDS} --kinds querySubmitted=search --time-unit s", "ours=theirs"),
        (f"--map {FIELDS} --kinds {KINDS},scroll=scroll --time-unit s", "ours=theirs"),
        (f"--map {FIELDS} --kinds {KINDS},click=scroll --time-unit s", "neither a search nor"),
        (f"--map {FIELDS} --time-unit s", "`--kinds`"),
        (f"--map {FIELDS} --kinds {KINDS}", "seconds, milliseconds or microseconds"),
        (f"--map {FIELDS} --kinds {KINDS} --time-unit ms", "January 1970"),
        (f"--map {FIELDS} --kinds {KINDS} --time-unit us", "January 1970"),
        (f"--map {FIELDS} --kinds {KINDS} --time-unit seconds", "short name"),
        (
            f"--map {FIELDS.replace('doc.id', 'doc')} --kinds {KINDS} --time-unit s",
            "a whole object",
        ),
        (
            f"--map {FIELDS.removesuffix(',position=doc.rank')} --kinds {KINDS} --time-unit s",
            "only the click's position",
        ),
        (f"--kinds {KINDS} --time-unit s", "another name for it"),
        (
            f"--map {FIELDS.replace('query=q,', '')} --kinds {KINDS} --time-unit s",
            "another name for it",
        ),
        (["--map", FIELDS, "--kinds", KINDS, "--time-unit", "s"], "as one text"),
        (f"--map {FIELDS} --kinds search=querySubmitted --time-unit s", "Name both kinds"),
        ("--help", ""),
    ],
}


EQUIVALENT: dict[str, dict[str, str]] = {}
