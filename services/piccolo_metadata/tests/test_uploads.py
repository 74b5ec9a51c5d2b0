from __future__ import annotations

from dataclasses import replace

import pytest
from piccolo_chassis.errors import PiccoloError

from piccolo_metadata.core.objects import Upload
from piccolo_metadata.engine import outbox, uploads
from piccolo_metadata.tests.builders import Bench

ID = "u" * 16


def an_upload(path: str = "/a", *, upload_id: str = ID, blocks: int = 2) -> Upload:
    return Upload(upload_id, path, 5, "text/plain", None, b"sealed notes", blocks, None, at_risk=False)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def leaves(segments: int, blocks: int = 2, first: int = 0) -> bytes:
    return b"".join(bytes([first + index]) * 32 for index in range(segments * blocks))


def test_an_upload_comes_back_as_it_was(bench: Bench) -> None:
    upload = replace(an_upload("/e\u0301"), expected_revision=0, size=10, at_risk=True)
    bench.do(uploads.begin, upload)
    assert bench.now(uploads.get, ID) == replace(upload, path="/é", touched=bench.clock.wall())


def test_segments_are_recorded_in_order_without_gaps(bench: Bench) -> None:
    bench.do(uploads.begin, an_upload())
    assert bench.do(uploads.checkpoint, ID, 0, leaves(3)) == 3
    for wrong in (0, 2, 4):
        with pytest.raises(PiccoloError) as refused:
            bench.do(uploads.checkpoint, ID, wrong, leaves(1))
        assert refused.value.reason == "NOT_CONTIGUOUS"
        assert refused.value.details["durable_segments"] == "3"
    assert bench.do(uploads.checkpoint, ID, 3, leaves(2, first=100)) == 5
    pieces, more = bench.now(uploads.leaves_after, ID, 0)
    assert (b"".join(pieces), more) == (leaves(3) + leaves(2, first=100), None)
    assert bench.now(uploads.get, ID).durable_segments == 5


@pytest.mark.parametrize("size", [1, 32, 63, 65])
def test_half_segments_are_refused(bench: Bench, size: int) -> None:
    bench.do(uploads.begin, an_upload())
    with pytest.raises(PiccoloError) as refused:
        bench.do(uploads.checkpoint, ID, 0, bytes(size))
    assert refused.value.reason == "LEAVES_INVALID"
    assert bench.now(uploads.get, ID).durable_segments == 0


def test_an_empty_checkpoint_records_nothing_but_the_time(bench: Bench) -> None:
    bench.do(uploads.begin, an_upload())
    bench.clock.pass_days(1)
    assert bench.do(uploads.checkpoint, ID, 0, b"") == 0
    assert bench.now(uploads.get, ID).touched == bench.clock.wall()


def test_beginning_again_is_nothing_new_and_another_upload_is_refused(bench: Bench) -> None:
    bench.do(uploads.begin, an_upload())
    bench.do(uploads.checkpoint, ID, 0, leaves(1))
    bench.clock.pass_days(1)
    bench.do(uploads.begin, an_upload())
    assert bench.now(uploads.get, ID).durable_segments == 1
    with pytest.raises(PiccoloError) as refused:
        bench.do(uploads.begin, an_upload("/other"))
    assert refused.value.reason == "UPLOAD_EXISTS"


@pytest.mark.parametrize("blocks", [0, 256])
def test_a_segment_has_at_least_one_block(bench: Bench, blocks: int) -> None:
    with pytest.raises(PiccoloError) as refused:
        bench.do(uploads.begin, an_upload(blocks=blocks))
    assert refused.value.reason == "UPLOAD_INVALID"


def test_uploads_are_listed_oldest_first_and_forgotten_with_their_leaves(bench: Bench) -> None:
    for letter in "cab":
        bench.do(uploads.begin, an_upload(upload_id=letter * 16))
    bench.do(uploads.checkpoint, "a" * 16, 0, leaves(1))
    assert [upload.upload_id[0] for upload in bench.now(uploads.listing)] == ["c", "a", "b"]
    bench.do(uploads.forget, "a" * 16)
    bench.do(uploads.forget, "a" * 16)
    assert [upload.upload_id[0] for upload in bench.now(uploads.listing)] == ["c", "b"]
    assert bench.rows("SELECT * FROM upload_leaves") == []
    for work in (uploads.get, lambda rows, id_: uploads.leaves_after(rows, id_, 0)):
        with pytest.raises(PiccoloError) as refused:
            bench.now(work, "a" * 16)
        assert refused.value.reason == "UPLOAD_NOT_FOUND"


def test_many_leaves_are_read_in_pieces(bench: Bench) -> None:
    bench.do(uploads.begin, an_upload(blocks=31))
    count, size = 10, 1_024
    for number in range(count):
        bench.do(uploads.checkpoint, ID, number * size, bytes([number]) * (32 * 31 * size))
    read, first, rounds = b"", 0, 0
    while first is not None:
        pieces, first = bench.now(uploads.leaves_after, ID, first)  # type: ignore[assignment]
        read += b"".join(pieces)
        rounds += 1
    assert read == b"".join(bytes([number]) * (32 * 31 * size) for number in range(count))
    assert rounds > 1


def test_uploads_are_in_no_changeset(bench: Bench) -> None:
    bench.do(uploads.begin, an_upload())
    bench.do(uploads.checkpoint, ID, 0, leaves(3))
    bench.do(uploads.forget, ID)
    assert bench.now(outbox.backlog).entries == 0
