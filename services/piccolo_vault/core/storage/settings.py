"""The numbers that the way of a file goes by. Sizes in bytes, times in seconds."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1_048_576


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """The table [store] of the vault's configuration.

    Attributes:
        k, m: fragments that rebuild a new file, and fragments in all; 0 is the circle's rule. They count only
            while the owner's settings storage.k and storage.m say nothing.
        heard_seconds: how long what the owner set is believed before it is asked for again.
        threads: workers that seal, code and hash.
        store_limit: files up to this size go to each keeper in one message.
        window: sealed bytes of one upload that wait for its keepers, over all of them together.
        writes_at_once: how many writes may wait in memory, up to 1 MiB (a message) each.
        larger_at_once: how many of them may grow up to `store_limit`.
        uploads_at_once: how many uploads may have a window; others wait.
        read_ahead: bytes of one download that are fetched before the client takes them; less while many read.
        batches_at_once: how many such pieces are asked for at once, over all downloads.
        batch: bytes of one download that are asked of the same keepers.
        cached: bytes of small files' ciphertext that are kept for the next read.
        open_seconds: how long a keeper may take to begin.
        stall_seconds: how long a keeper may make no progress.
        hold_seconds: how long slow keepers may hold up an upload that keeps its promise without them.
        tail_seconds: how long the end of an upload waits for slow keepers when the promise is kept.
        grace_seconds: how long a small write waits, at least, for the last keepers when the promise is kept.
        company_seconds: how long a pack waits, at most, for those who were in the one before.
        parked_uploads, parked_seconds: tails of interrupted uploads kept in memory: how many, how long.
        idle_seconds: how long a client may send nothing.
        look_seconds: how often members are asked how they are.
        settle_seconds: how long a member must be silent before it counts as away.
        return_seconds: how long a write that has too few keepers waits for those that fell silent lately, or
            after a restore for those that must be heard first.
        repair_pause: rest between two repairs, and between two pieces of what nobody waits for.
        repair_rate: bytes a second of rebuilt and moved fragments, together; 0: no limit.
        chores_seconds: how often it is looked what nobody waits for: compaction, spreading, stock-taking.
        quiet_seconds: how long the owner must have written nothing for that.
        compact_seconds: how long packs are left alone when none of them was worth it.
        compact_bytes_a_day: what compaction may write, before coding.
        reseal_bytes_a_day: what may be sealed anew after words were exposed, before coding.
        spread_bytes_a_day: what may be moved or coded anew, in bytes sent to members.
        spread_seconds: how long the circle must have stayed the same before files are coded for its size.
        stock_seconds: how often every member is asked for all that it has.
        audit_requests, audit_bytes: what audits read a day, over all members; 0 requests: no audits.
        move_seconds: how often what members asked to be moved is looked at.
    """

    k: int = 0
    m: int = 0
    heard_seconds: float = 1.0
    threads: int = 2
    store_limit: int = 4 * MIB
    window: int = 32 * MIB
    writes_at_once: int = 128
    larger_at_once: int = 16
    uploads_at_once: int = 4
    read_ahead: int = 16 * MIB
    batch: int = 8 * MIB
    batches_at_once: int = 12
    cached: int = 16 * MIB
    open_seconds: float = 5.0
    stall_seconds: float = 10.0
    hold_seconds: float = 3.0
    tail_seconds: float = 20.0
    grace_seconds: float = 1.0
    company_seconds: float = 0.05
    parked_uploads: int = 16
    parked_seconds: float = 900.0
    idle_seconds: float = 300.0
    look_seconds: float = 30.0
    settle_seconds: float = 20.0
    return_seconds: float = 4.0
    repair_pause: float = 0.05
    repair_rate: int = 64 * MIB
    chores_seconds: float = 600.0
    quiet_seconds: float = 60.0
    compact_seconds: float = 3_600.0
    compact_bytes_a_day: int = 2_048 * MIB
    reseal_bytes_a_day: int = 102_400 * MIB
    spread_bytes_a_day: int = 20_480 * MIB
    spread_seconds: float = 86_400.0
    stock_seconds: float = 86_400.0
    audit_requests: int = 1_000
    audit_bytes: int = 256 * MIB
    move_seconds: float = 3_600.0

    def __post_init__(self) -> None:
        """Raises ValueError for numbers that contradict each other."""
        if (self.k == 0) != (self.m == 0):
            raise ValueError("k and m are set together, or neither is")
        if not 0 <= self.k <= self.m <= 255:
            raise ValueError(f"k = {self.k} of m = {self.m} is impossible")
        if self.store_limit > 4 * MIB:
            raise ValueError("store_limit is at most 4 MiB: a message holds no more")
        if self.window < 8 * MIB or self.threads < 1 or self.uploads_at_once < 1 or self.batch < MIB:
            raise ValueError("window is at least 8 MiB, batch 1 MiB, threads and uploads_at_once 1")

        if self.audit_requests < 0 or self.audit_bytes < MIB:
            raise ValueError("audit_requests is not negative, and audit_bytes at least 1 MiB")

    @property
    def wanted_code(self) -> tuple[int, int]:
        """(k, m) as set, zeros for the circle's rule."""
        return self.k, self.m
