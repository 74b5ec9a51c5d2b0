"""Who came in through whom: members that may be one person's, and go or lie together.

Rules (storage-rules.md, "Living together"):
* A subtree is somebody who is no admin now, with all that came in through that one, and through those again.
* An admin is in no subtree: the other admins vouch for it, and so it begins a line of its own.
* Who invited may have left the roster; whom it invited stay one subtree.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


def subtrees(
    invited_by: Mapping[bytes, bytes | None], admins: Collection[bytes]
) -> tuple[frozenset[bytes], ...]:
    """Returns the subtrees of two members and more; nobody is in two of them.

    Args:
        invited_by: each member's owner_id, and that of who invited it; None for the founder.
        admins: the owner_ids of the admins.
    """
    found = defaultdict[bytes, set[bytes]](set)
    for owner in invited_by:
        found[_top(owner, invited_by, admins)].add(owner)
    return tuple(frozenset(found[top]) for top in sorted(found) if len(found[top]) > 1)


def _top(owner: bytes, invited_by: Mapping[bytes, bytes | None], admins: Collection[bytes]) -> bytes:
    passed = {owner}
    while owner not in admins:
        inviter = invited_by.get(owner)
        if inviter is None or inviter in admins or inviter in passed:
            break
        passed.add(inviter)
        owner = inviter
    return owner
