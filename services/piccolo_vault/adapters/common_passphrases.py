"""The passwords that leaked most often, in a file that script/make_common_passphrases.py makes.

It is opened for each question anew: passphrases are chosen once in years, and the list takes 4 MiB as a set.
"""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Final

_LIST: Final = Path(__file__).with_name("common_passphrases.txt.gz")


class CommonPassphrases:
    """A container of some 30,000 texts, all in lower case."""

    def __contains__(self, text: object) -> bool:
        """Whether a text is one of them."""
        words = b"\n" + gzip.decompress(_LIST.read_bytes())
        return (
            isinstance(text, str) and "\n" not in text and f"\n{text}\n".encode("utf-8", "replace") in words
        )
