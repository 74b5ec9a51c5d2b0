from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from piccolo_formats import cbor

from piccolo_metadata.core.intents import pack_intent, unpack_intent
from piccolo_metadata.core.objects import Intent, NewFile, ObjectKind, StoredContent, StoredObject

U63 = st.integers(0, 2**63 - 1)
ID = st.binary(min_size=16, max_size=16)
BYTES = st.binary(max_size=40)
CONTENTS = st.builds(StoredContent, BYTES, BYTES, BYTES, U63, U63)
FILES = st.builds(
    NewFile,
    path=st.text(max_size=30),
    modified=st.integers(-(2**63), 2**63 - 1),
    media=st.text(max_size=9),
    expected_revision=st.none() | U63,
    content=CONTENTS,
    upload_id=st.text(max_size=9),
    version_id=ID,
    size=U63,
    order=st.tuples(U63, U63),
    moved_from=ID | st.just(b""),
)
OBJECTS = st.builds(
    StoredObject,
    ID,
    st.sampled_from(ObjectKind),
    BYTES,
    BYTES,
    BYTES,
    st.lists(st.integers(0, 255), max_size=5).map(tuple),
)


@given(st.builds(Intent, OBJECTS, st.lists(FILES, max_size=4).map(tuple), BYTES, st.booleans()))
def test_an_intent_comes_back_from_the_journal_as_it_was(intent: Intent) -> None:
    assert unpack_intent(pack_intent(intent)) == intent
    fields = cbor.decode(pack_intent(intent))
    assert isinstance(fields, list)
    assert unpack_intent(cbor.encode(fields[:3])) == replace(intent, exposed=False)  # as once journalled
