"""Local times in blocks: those of the border, and no others."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from fuzz_lines import compare
from test_blocks import CLICK, OPEN, read_one_by_one

from searchlogs.columnar.columns import LAST
from searchlogs.columnar.local import _offset, zoned_times
from searchlogs.events import EARLIEST
from searchlogs.logs.arrays import MICROSECOND, text_array
from searchlogs.logs.border import Border
from searchlogs.logs.times import Times
from searchlogs.simulate import simulate

CHANGES = {
    "Europe/Berlin": [
        datetime(2024, 3, 31, 2),
        datetime(2024, 10, 27, 2),
        datetime(2060, 3, 28, 2),
    ],
    "America/St_Johns": [datetime(2005, 4, 3, 0, 1), datetime(2005, 10, 30, 0, 1)],
    "Australia/Lord_Howe": [datetime(2024, 4, 7, 1, 30), datetime(2024, 10, 6, 2)],
    "Africa/Monrovia": [datetime(1972, 1, 7)],
    "Pacific/Apia": [datetime(2011, 12, 30), datetime(2011, 12, 31)],
    "UTC": [datetime(1970, 1, 1), datetime(2200, 12, 31)],
    "Asia/Tokyo": [datetime(1970, 1, 1, 9)],
}
"""Local times around which clocks change, or at which the years that are read begin or end."""


@pytest.mark.parametrize("zone", CHANGES)
def test_local_times_are_those_of_the_border(zone: str) -> None:
    random = Random(1)
    rules = Times(zone=zone)
    texts = []
    for change in CHANGES[zone]:
        steps = [
            *range(-90 * 60, 150 * 60, 7 * 60 + 1),
            *(random.gauss(0, 4_000) for _ in range(99)),
        ]
        for step in steps:
            time = change + timedelta(seconds=step)
            texts.append(time.isoformat(random.choice("T "))[: random.choice([26, 19, 16])])
    texts += [text + random.choice(["Z", "+01:00", " ", "x"]) for text in texts[::9]]
    times, good = zoned_times(text_array(texts), zone)
    for text, time, sure in zip(texts, times.tolist(), good.tolist(), strict=True):
        if sure and 0 <= time <= LAST:
            assert (rules.read(text) - EARLIEST) // MICROSECOND == time
    assert good.mean() > 0.1


def test_clocks_that_change_within_a_minute_are_left_to_the_border() -> None:
    class Changing(Times):
        def read(self, value: object) -> datetime:
            time = datetime.fromisoformat(str(value)).replace(tzinfo=UTC)
            return time + timedelta(hours=time.second > 30)

    assert _offset(30, Changing()) is None
    assert _offset(30, Times(zone="Etc/GMT+1")) == timedelta(hours=1) // MICROSECOND


def test_local_times_are_taken_as_they_stand(tmp_path: Path) -> None:
    log = [OPEN.replace("Z", ""), CLICK.replace("T00:00:05Z", " 12:30:00.5")] * 50
    (tmp_path / "log.jsonl").write_text("\n".join(log))
    border = Border(zone="America/New_York")
    assert read_one_by_one(tmp_path / "log.jsonl", border) == 0
    compare([str(tmp_path / "log.jsonl")], border, 1_000, batch=7)
    cells = [f"app_open,{event.user},{event.time:%Y-%m-%d %H:%M:%S}" for event in simulate(3, 9)]
    cells += ["app_open,1,2024-03-10 02:30:00", "app_open,1,2024-11-03 01:30:00"]
    (tmp_path / "log.csv").write_text("\n".join(["event,user,time", *cells]))
    assert read_one_by_one(tmp_path / "log.csv", border) == 3
    assert compare([str(tmp_path / "log.csv")], border, 1_000, batch=7)["rejected"] == 2
