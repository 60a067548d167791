"""One more element for an array in JSON with comments, by inserting text: nothing that is there is written anew.

Editors read settings as JSON with ``//`` and ``/* */`` comments and trailing commas. What is no JSON is blanked out,
length for length, so that the standard library reads the rest and its offsets hold in the text itself.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_STRING_OR_COMMENT = re.compile(r'"(?:[^"\\\n]|\\.)*"|//[^\n]*|/\*.*?\*/', re.DOTALL)
_STRING_OR_TRAILING_COMMA = re.compile(r'"(?:[^"\\\n]|\\.)*"|,(?=\s*[}\]])')
_SPACE = re.compile(r"[ \t\r\n]*")
_INDENT = 4
_DECODER = json.JSONDecoder()


class NotJson(ValueError):
    """The text is not what an editor could read; the message says what is wrong, and where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A value inside of a text, from ``start`` to before ``end``; ``key`` is its name in an object."""

    key: str | None
    value: Any
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Document:
    """A text and the same with everything but plain JSON blanked out."""

    text: str
    plain: str

    @property
    def is_blank(self) -> bool:
        """Whether there is no value at all: an empty file, or comments alone."""
        return not self.plain.strip()

    def whole(self) -> Part:
        """Give the value that the text is."""
        start = self._skip(0)
        value, end = _DECODER.raw_decode(self.plain, start)
        return Part(key=None, value=value, start=start, end=end)

    def parts(self, of: Part) -> Iterator[Part]:
        """Give the members of an object or the elements of an array, in order."""
        position = self._skip(of.start + 1)
        while self.plain[position] not in "}]":
            key = None
            if isinstance(of.value, dict):
                key, position = _DECODER.raw_decode(self.plain, position)
                position = self._skip(self._skip(position) + 1)
            value, end = _DECODER.raw_decode(self.plain, position)
            yield Part(key=key, value=value, start=position, end=end)
            position = self._skip(end)
            if self.plain[position] == ",":
                position = self._skip(position + 1)

    def inserted(self, of: Part, new: str, *, depth: int) -> str:
        """Give the text with one more member or element at the end of ``of``.

        Args:
            of: an object or an array.
            new: the JSON text of the element (with its key, for an object), indented by four spaces a level.
            depth: how many levels deep the element lies.
        """
        newline = "\r\n" if "\r\n" in self.text else "\n"
        unit = self._unit()
        lines = [_reindented(line, unit) for line in new.split("\n")]
        element = newline.join(unit * depth + line for line in lines)
        closing = of.end - 1
        at = len(self.text[:closing].rstrip())
        rest = self.text[at:]
        if newline not in self.text[at:closing]:
            rest = newline + unit * (depth - 1) + self.text[closing:]
        elements = list(self.parts(of))
        before = self.text[:at]
        if elements and not self._has_comma(elements[-1].end, closing):
            before = before[: elements[-1].end] + "," + before[elements[-1].end :]
        return f"{before}{newline}{element}{rest}"

    def _has_comma(self, start: int, end: int) -> bool:
        """Whether a trailing comma, which is blanked out, stands between the last element and the bracket."""
        return "," in _without(_STRING_OR_COMMENT, self.text)[start:end]

    def _unit(self) -> str:
        """What the text indents by: the first line that is indented says it."""
        for found in re.finditer(r"^([ \t]+)\S", self.text, re.MULTILINE):
            if not self.plain[found.end() - 1].isspace():  # no comment
                return found[1]
        return " " * _INDENT

    def _skip(self, position: int) -> int:
        found = _SPACE.match(self.plain, position)
        return found.end() if found else position


def read(text: str) -> Document:
    """Read a text.

    Raises:
        NotJson: it is neither blank nor one value of JSON with comments.
    """
    plain = _without(_STRING_OR_TRAILING_COMMA, _without(_STRING_OR_COMMENT, text.replace("\ufeff", " ", 1)))
    document = Document(text, plain)
    if not document.is_blank:
        try:
            json.loads(plain)
        except ValueError as error:
            where = f"line {error.lineno} column {error.colno}" if isinstance(error, json.JSONDecodeError) else "there"
            raise NotJson(f"{where}: {getattr(error, 'msg', error)}") from error
    return document


def _without(pattern: re.Pattern[str], text: str) -> str:
    """Blank out what the pattern finds, but for strings; line ends stay where they are."""
    return pattern.sub(lambda found: found[0] if found[0][0] == '"' else re.sub(r"[^\r\n]", " ", found[0]), text)


def _reindented(line: str, unit: str) -> str:
    body = line.lstrip(" ")
    return unit * ((len(line) - len(body)) // _INDENT) + body
