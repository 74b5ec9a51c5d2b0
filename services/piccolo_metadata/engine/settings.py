"""Reading and changing the owner's settings; what they may be is said in core/settings.py."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from piccolo_metadata.core import settings
from piccolo_metadata.core.settings import Plain
from piccolo_metadata.ports import Rows, Transaction

TOPIC: Final = "settings"


def get_all(rows: Rows) -> dict[str, Plain]:
    """Every setting's value, in name order."""
    stored = {name: json.loads(value) for name, value in rows.each("SELECT name, value FROM setting")}
    return settings.all_values({name: value for name, value in stored.items() if name in settings.CATALOGUE})


def get_whole(rows: Rows, name: str) -> int:
    """The value of a setting that is a whole number."""
    return int(get_all(rows)[name])


def set_some(tx: Transaction, values: Mapping[str, str]) -> dict[str, Plain]:
    """Changes settings, names to JSON; null goes back to the default. Returns all values.

    Raises PiccoloError INVALID (SETTING_UNKNOWN, SETTING_WRONG).
    """
    for name, text in sorted(values.items()):
        value = settings.parse(name, text)
        if value is None or value == settings.CATALOGUE[name].default:
            tx.run("DELETE FROM setting WHERE name = ?", name)
        else:
            tx.run("INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)", name, json.dumps(value))
    tx.revision()
    tx.touch(TOPIC)
    changed = get_all(tx)
    settings.check_together(changed)
    return changed
