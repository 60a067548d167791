import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uvwatch.integrations.jsonc import NotJson, read

NEW = '{\n    "label": "new"\n}'


def with_element(text: str) -> str:
    """Add an element to the array that the text is."""
    document = read(text)
    return document.inserted(document.whole(), NEW, depth=1)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("[]", '[\n    {\n        "label": "new"\n    }\n]'),
        ("[\n]\n", '[\n    {\n        "label": "new"\n    }\n]\n'),
        ("[1, 2]", '[1, 2,\n    {\n        "label": "new"\n    }\n]'),
        ("[\n  1, // one\n  2 // two\n]", '[\n  1, // one\n  2, // two\n  {\n    "label": "new"\n  }\n]'),
        ("[\n\t[1],\n\t// end\n]", '[\n\t[1],\n\t// end\n\t{\n\t\t"label": "new"\n\t}\n]'),
        ("[\r\n  [1]\r\n]\r\n", '[\r\n  [1],\r\n  {\r\n    "label": "new"\r\n  }\r\n]\r\n'),
        ('/* a, */ ["//", "/*" , /* ] */]', '/* a, */ ["//", "/*" , /* ] */\n    {\n        "label": "new"\n    }\n]'),
    ],
)
def test_an_element_is_added_in_the_style_of_the_text_and_all_else_stays(before: str, after: str) -> None:
    assert with_element(before) == after
    assert len(json.loads(read(after).plain)) == len(json.loads(read(before).plain)) + 1


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet='a"/*,]}\\ \n'),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet="ab/,"), inner, max_size=3),
    max_leaves=8,
)
NOISE = st.sampled_from(["", " ", "\n", "// ,]}\n", "/* [\n*/", "\t"])


def noisy(data: st.DataObject, value: Any) -> str:
    """Write a value as a person might: comments and blanks anywhere, commas after the last element."""

    def gap() -> str:
        return data.draw(NOISE)

    if isinstance(value, dict):
        parts = [f"{gap()}{json.dumps(key)}{gap()}:{gap()}{noisy(data, each)}{gap()}" for key, each in value.items()]
    elif isinstance(value, list):
        parts = [f"{gap()}{noisy(data, each)}{gap()}" for each in value]
    else:
        return json.dumps(value)
    trailing: bool = data.draw(st.booleans())
    comma = "," if parts and trailing else ""
    start, end = "{}" if isinstance(value, dict) else "[]"
    return f"{start}{','.join(parts)}{comma}{gap()}{end}"


@given(data=st.data(), value=st.lists(VALUES, max_size=3))
def test_whatever_is_there_one_element_more_is_read_and_every_character_is_kept(
    data: st.DataObject, value: list[Any]
) -> None:
    before = noisy(data, value)

    after = with_element(before)

    assert read(after).whole().value == [*value, {"label": "new"}]
    rest = iter(after)
    assert all(character in rest for character in before if not character.isspace())


def test_a_member_is_added_to_an_object() -> None:
    document = read('{\n  // mine\n  "a": 1\n}\n')
    after = document.inserted(document.whole(), '"b": [\n    2\n]', depth=1)
    assert after == '{\n  // mine\n  "a": 1,\n  "b": [\n    2\n  ]\n}\n'


@pytest.mark.parametrize(("text", "blank"), [("", True), ("\ufeff// nothing\n", True), ("\ufeff{}", False)])
def test_comments_and_a_byte_order_mark_are_nothing(text: str, blank: bool) -> None:
    assert read(text).is_blank is blank


@pytest.mark.parametrize(
    ("text", "where"),
    [("[1", "line 1 column 3"), ('{"a":\n "b}', "line 2 column 2"), ("[1,,]", "line 1 column 5"), ("[/* ]", "line 1")],
)
def test_what_an_editor_could_not_read_is_refused_with_its_place(text: str, where: str) -> None:
    with pytest.raises(NotJson, match=where):
        read(text)
