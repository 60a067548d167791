import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uvwatch.serving.escape import escaped

ANY_CHARACTER = st.text(st.characters(exclude_categories=()))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain ü 漢 path/a.css", "plain ü 漢 path/a.css"),
        ("two\nlines\r\n", "two\\x0alines\\x0d\\x0a"),
        ("\x1b[31mred\x07\t\x00", "\\x1b[31mred\\x07\\x09\\x00"),
        ("\x7f", "\\x7f"),
        ("\x85", "\\xc2\\x85"),
        ("\u2028", "\\xe2\\x80\\xa8"),
        (os.fsdecode(b"caf\xe9.css"), "caf\\xe9.css"),
        ("\ud800", "\\xed\\xa0\\x80"),
        ("back\\slash", "back\\slash"),
    ],
)
def test_control_characters_and_undecodable_bytes_become_their_bytes(text: str, expected: str) -> None:
    assert escaped(text) == expected


@given(ANY_CHARACTER)
def test_any_text_becomes_one_encodable_line(text: str) -> None:
    result = escaped(text)

    assert len(result.splitlines()) <= 1
    assert not any(ord(character) < 32 or ord(character) == 127 for character in result)
    result.encode("utf-8")


@given(ANY_CHARACTER)
def test_escaping_twice_changes_nothing(text: str) -> None:
    assert escaped(escaped(text)) == escaped(text)
