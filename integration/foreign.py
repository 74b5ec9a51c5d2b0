"""Whether an owner's device holds only other owners' bytes: no plaintext and no ciphertext of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from piccolo_formats.fragment_file import FOOTER_SIZE, HEADER_SIZE, map_file, parse_footer, parse_header

from integration.circle import Circle
from integration.files import Folder
from integration.plaintext import samples, search

_FRAGMENTS: Final = 500


def only_foreign_bytes(made: Circle, owner_id: str, data: Folder) -> bool:
    """Searches the first owner's state for windows of its files and of the fragments kept for it."""
    mine = made.owners[0]
    kept = list(_kept_fragments(made, owner_id))
    if not kept:
        raise AssertionError("nobody keeps a fragment of this owner: there is nothing to compare with")
    windows = samples([*data.contents(), *kept])
    return not any(True for _ in search(mine.device.folder / "state", windows))


def _kept_fragments(made: Circle, owner_id: str) -> Iterator[bytes]:
    """Blocks of the first owner's fragments, as the other members keep them."""
    found = 0
    for other in made.owners[1:]:
        for path in sorted(other.device.state("fragment-store").glob(f"live/{owner_id}/*/*")):
            if path.suffix != ".record" and found < _FRAGMENTS:
                found += 1
                yield _blocks(path.read_bytes())


def _blocks(fragment: bytes) -> bytes:
    """A fragment file without its header, leaves and record: what is made of the owner's ciphertext."""
    footer = parse_footer(fragment[-FOOTER_SIZE:])
    trailer = fragment[-FOOTER_SIZE - footer.trailer_length : -FOOTER_SIZE]
    whole = map_file(parse_header(fragment[:HEADER_SIZE]), trailer, len(fragment))
    return fragment[HEADER_SIZE : whole.leaves_offset]
