import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uvwatch.serving.protocol import (
    LONGEST_COMMAND,
    LONGEST_QUESTION,
    BadQuestion,
    Op,
    Question,
    Wishes,
    question_line,
    read_question,
)

WORDS = st.lists(st.text(st.characters(exclude_categories=()), max_size=20), max_size=5).map(tuple)


@given(
    packages=st.none() | WORDS,
    reinstall=st.booleans(),
    editable=st.none() | st.booleans(),
    options=st.dictionaries(st.text(max_size=9), st.text(max_size=9) | st.booleans(), max_size=3),
    text=st.booleans(),
)
def test_a_sync_is_read_as_it_was_written(
    packages: tuple[str, ...] | None, reinstall: bool, editable: bool | None, options: dict[str, str | bool], text: bool
) -> None:
    wishes = Wishes(packages=packages, reinstall=reinstall, editable=editable, options=options)
    question = Question(op=Op.SYNC, wishes=wishes, text=text)

    assert read_question(question_line(question)) == question


@given(command=WORDS)
def test_a_hold_is_read_as_it_was_written_whatever_the_bytes_of_its_command(command: tuple[str, ...]) -> None:
    assert read_question(question_line(Question(op=Op.HOLD, command=command))).command == command


def test_a_command_of_any_length_makes_a_question_that_is_taken() -> None:
    command = ("\udcff" * 3000, "x" * 200_000, *("word",) * 100_000)

    line = question_line(Question(op=Op.HOLD, command=command))

    assert len(line) <= LONGEST_QUESTION
    told = read_question(line).command
    assert told[0] == command[0]
    assert told[1].endswith("x...")
    assert sum(map(len, told)) <= LONGEST_COMMAND + len("...")


@given(st.binary(max_size=200))
def test_any_other_line_is_refused_with_a_sentence(line: bytes) -> None:
    with pytest.raises(BadQuestion, match=r"\w+ \w+"):
        read_question(line)


@pytest.mark.parametrize(
    "asked",
    [
        None,
        [],
        {"op": "status"},
        {"schema": 2, "op": "status"},
        {"schema": 1, "op": None},
        {"schema": 1, "op": ["status"]},
        {"schema": 1, "op": "sync", "packages": ["a", 1]},
        {"schema": 1, "op": "sync", "reinstall": 1},
        {"schema": 1, "op": "sync", "editable": "yes"},
        {"schema": 1, "op": "sync", "options": ["settle"]},
        {"schema": 1, "op": "sync", "options": {"settle": 1}},
        {"schema": 1, "op": "hold", "command": "make"},
    ],
)
def test_values_of_a_wrong_type_are_refused(asked: object) -> None:
    with pytest.raises(BadQuestion):
        read_question(json.dumps(asked).encode())


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(BadQuestion):
        read_question(b"[" * 60_000)


def test_unknown_keys_are_passed_over() -> None:
    assert read_question(b'{"schema":1,"op":"stop","colour":"red"}') == Question(op=Op.STOP)
