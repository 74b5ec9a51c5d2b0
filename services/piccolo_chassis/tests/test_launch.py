"""A program that was launched: what it loaded is left alone by the collector, what it makes is not."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from piccolo_chassis import command

_PROGRAM = """
import gc, json, sys

loaded, loading = [], gc.isenabled()

def main():
    made = []
    watched = {id(each) for each in gc.get_objects()}
    print(json.dumps([sys.argv[1:], loading, gc.isenabled(), id(loaded) in watched, id(made) in watched]))
"""


async def test_what_is_loaded_is_never_looked_through(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(_PROGRAM)
    told = await command.run(
        [sys.executable, "-m", "piccolo_chassis.launch", "program", "--config", "x"],
        environment={"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])},
        seconds=60,
    )
    assert json.loads(told.stdout) == [["--config", "x"], False, True, False, True]
