r"""What a client may ask of a running daemon, as one line of JSON, and how that line is read and written.

    {"schema":1,"op":"sync","packages":["myapp"],"reinstall":false,"editable":null,"options":{"settle":"0.2"}}

A connection carries one question. Its answers are lines of the public JSON, or one ``{"schema":1,"error":...}``. This
module is imported by clients, so it knows JSON and no more; it must not know sockets nor what is done.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from uvwatch.errors import UvwatchError

SCHEMA = 1
"""The version of the questions; that of the answers is the public one."""

LONGEST_QUESTION = 64 * 1024
"""Bytes of a question, its newline included."""

LONGEST_COMMAND = 4096
"""Characters of a hold's command that are told: it is for people to read."""

HOLD = "UVWATCH_HOLD"
"""The variable that a command sees for which updates are held: the environment's directory."""


class BadQuestion(UvwatchError):
    """The line is no question; the message is a sentence for whoever wrote the client."""


class Op(Enum):
    """What can be asked."""

    SYNC = "sync"
    STATUS = "status"
    EVENTS = "events"
    HOLD = "hold"
    STOP = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """How one cycle is to differ from the daemon's own: ``options`` by field name, as typed or as a truth value."""

    packages: tuple[str, ...] | None = None
    reinstall: bool = False
    editable: bool | None = None
    options: Mapping[str, str | bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One request.

    Attributes:
        op: what is asked.
        wishes: for ``sync``.
        command: for ``hold``: the argv, for people to read.
        text: whether each answer shall have a key ``text`` with the lines that people read.
        last: for ``events``: the most recent cycle alone.
    """

    op: Op
    wishes: Wishes = field(default_factory=Wishes)
    command: tuple[str, ...] = ()
    text: bool = False
    last: bool = False


def question_line(question: Question) -> bytes:
    """Write a question; a command that is too long to be told is cut."""
    wishes = question.wishes
    asked: dict[str, Any] = {"schema": SCHEMA, "op": question.op.value}
    if question.text:
        asked["text"] = True
    if question.last:
        asked["last"] = True
    if question.op is Op.HOLD:
        asked["command"] = _cut(question.command)
    if question.op is Op.SYNC:
        asked["packages"] = None if wishes.packages is None else list(wishes.packages)
        asked |= {"reinstall": wishes.reinstall, "editable": wishes.editable, "options": dict(wishes.options)}
    return json.dumps(asked, separators=(",", ":")).encode("ascii") + b"\n"


def read_question(line: bytes) -> Question:
    """Read a question; keys that it does not know are passed over.

    Raises:
        BadQuestion: it is no JSON object, of another schema, or a value has the wrong type.
    """
    try:
        asked = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadQuestion("a question is one line of JSON") from error
    if not isinstance(asked, dict):
        raise BadQuestion("a question is a JSON object")
    if asked.get("schema") != SCHEMA:
        raise BadQuestion(f"this daemon answers schema {SCHEMA} alone: client and daemon are of different versions")
    try:
        op = Op(asked.get("op"))
    except ValueError:
        raise BadQuestion(f"op must be one of {', '.join(each.value for each in Op)}") from None
    return Question(
        op=op,
        wishes=Wishes(
            packages=_words(asked, "packages"),
            reinstall=_truth(asked, "reinstall") or False,
            editable=_truth(asked, "editable"),
            options=_options(asked),
        ),
        command=_words(asked, "command") or (),
        text=_truth(asked, "text") or False,
        last=_truth(asked, "last") or False,
    )


def _cut(command: tuple[str, ...]) -> list[str]:
    told: list[str] = []
    room = LONGEST_COMMAND
    for word in command:
        if len(word) > room:
            return [*told, f"{word[:room]}..."]
        told.append(word)
        room -= len(word) + 1
    return told


def _truth(asked: Mapping[str, Any], key: str) -> bool | None:
    value = asked.get(key)
    if value is not None and not isinstance(value, bool):
        raise BadQuestion(f"{key} must be true or false")
    return value


def _words(asked: Mapping[str, Any], key: str) -> tuple[str, ...] | None:
    value = asked.get(key)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise BadQuestion(f"{key} must be a list of strings")
    return tuple(value)


def _options(asked: Mapping[str, Any]) -> Mapping[str, str | bool]:
    value = asked.get("options") or {}
    if not isinstance(value, dict) or not all(isinstance(each, str | bool) for each in value.values()):
        raise BadQuestion("options must be an object of strings, true and false")
    return value
