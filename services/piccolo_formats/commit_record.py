"""The commit record as a whole (section 7): a summary sealed to the owner, in a record signed by the device.

Anyone can seal to a public key; what makes a summary the owner's is the device's signature around it, and
that both name the same owner, generation and seq.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from piccolo_formats.errors import AuthenticationError
from piccolo_formats.records.commit import Commit, Summary
from piccolo_formats.sealed import open_sealed, seal
from piccolo_formats.signed import Signed, sign

if TYPE_CHECKING:
    from piccolo_formats.keypairs import SealingKey
    from piccolo_formats.secret import Random
    from piccolo_formats.signed import Signer


def make_commit(summary: Summary, backup_public: bytes, signer: Signer, random: Random) -> Signed[Commit]:
    """Seal a summary to the backup public key and sign it with the vault role key."""
    sealed = seal(Summary.TYPE, summary.to_record(), backup_public, random)
    outer = Commit(owner=summary.owner, generation=summary.generation, seq=summary.seq, sealed=sealed)
    return sign(outer, signer)


def open_commit(commit: Signed[Commit], key: SealingKey) -> Summary:
    """Open the summary of a commit record whose signer the caller has judged.

    Raises AuthenticationError (`not-for-this-key`, `segment-altered`, `commit-mismatch`) or FormatError.
    """
    summary = Summary.from_record(open_sealed(Summary.TYPE, commit.record.sealed, key))
    outer = commit.record
    if (summary.owner, summary.generation, summary.seq) != (outer.owner, outer.generation, outer.seq):
        raise AuthenticationError("commit-mismatch", "the commit record's inside is another one's")
    return summary
