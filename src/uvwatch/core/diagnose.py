"""From what uv or a build backend printed to one line for the user, and the place in the project that it speaks of.

It knows the forms of uv 0.13's errors (``error:`` and ``cause:``), of older ones (a cross, ``├─▶``, ``╰─▶``), of
Python's tracebacks and of compilers' messages; all were taken from real runs. It must not know which command was run,
and it never reads a file.
"""

import posixpath
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from uvwatch.errors import FailureKind

_LONGEST = 400
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_TOML = re.compile(r"TOML parse error at line (\d+), column (\d+)")
_TOML_FILE = re.compile(r"(Failed to parse:? )?`?([^`\s]*(?:pyproject\.toml|uv\.(?:toml|lock)))`?")
_TRACEBACK = "Traceback (most recent call last):"
# Older uv wraps at 80 columns, in the middle of a frame too: any white space may be a line's end.
_FRAME = re.compile(r'File\s+"([^"]+)",\s+line\s+(\d+)')
_EXCEPTION = re.compile(r"((?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*)(?:: (.*)|)$")
_EXCEPTION_NAME = re.compile(r"(?:Error|Exception|Warning|Interrupt|Exit|Group|Failure|Failed)$")
_SYNTAX = ("SyntaxError", "IndentationError", "TabError")
_CARET = re.compile(r"\s*\^+\s*$")
_COMPILER = re.compile(r"^\s*([^\s:][^:\n]*):(\d+):(?:(\d+):)? (?:fatal )?error: (.+)$", re.MULTILINE)
_HEAD = re.compile(r"(?:error:|\u00d7) ?(.*)")
_CAUSE = re.compile(r"(?:cause:|Caused by:|├─▶|╰─▶) ?(.*)")
_BLOCK = re.compile(r"\[(?:stdout|stderr)\]$")
_HINT = re.compile(r"(?:hint:|help:|Stack backtrace:)")
_PROGRESS = re.compile(r"(?:Building|Built|Prepared|Resolved|Using|Creating|Installed|Uninstalled|warning:)\b")
_CALL = re.compile(r"Call to `.*` failed")
_FOREIGN = frozenset({"site-packages", "dist-packages", "builds-v0"})

_DISK = re.compile(
    r"No space left on device|os error 28|Read-only file system|Disk quota exceeded|\[Errno (?:28|30|122)\]"
)
_DENIED = re.compile(r"Permission denied \(os error 13\)|Operation not permitted \(os error 1\)|Access is denied")
_NETWORK = re.compile(
    r"dns error|Failed to fetch|Failed to download|error sending request|tcp connect error|network (?:was|is) disabled"
    r"|operation timed out|Network connectivity is disabled",
    re.IGNORECASE,
)
_ENVIRONMENT = re.compile(
    r"not a valid Python environment|No interpreter found|Failed to inspect Python interpreter|environment lock"
    r"|Could not acquire lock|externally managed|Failed to (?:install|uninstall|link):"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What went wrong. ``message`` is one line, empty where the output says nothing.

    ``path`` is relative to the first root, ``line`` and ``column`` count from 1; None where they are not known.
    """

    kind: FailureKind
    message: str
    path: str | None = None
    line: int | None = None
    column: int | None = None


def diagnose(
    output: str, *, roots: Sequence[str], indent_of: Callable[[str, int], int] = lambda _path, _line: 0
) -> Diagnosis:
    """Find the cause in the output of a command that failed.

    Args:
        output: stdout and stderr as they came, or the end of them.
        roots: the project's absolute directory, then others whose files are the user's too; relative paths in a
            compiler's message are taken to lie in the last of them.
        indent_of: how far a line (absolute path, number) is indented. A traceback shows lines without their
            indentation, so a caret's column is right only with it.
    """
    text = _ANSI.sub("", output).replace("\r\n", "\n")
    return (
        _toml(text, roots)
        or _storage(text)
        or _compiler(text, roots)
        or _exception(text, roots, indent_of)
        or _causes(text)
    )


def _toml(text: str, roots: Sequence[str]) -> Diagnosis | None:
    found = list(_TOML.finditer(text))
    if not found:
        return None
    last = found[-1]
    # Under the place come the line itself and the caret, each behind a bar, then the explanation.
    below = (line.strip() for line in text[last.end() :].splitlines()[1:])
    why = next((line for line in below if line and not re.match(r"\d*\s*\|", line)), "")
    named = list(_TOML_FILE.finditer(text[: last.start()]))
    # What uv could not parse it names from where it runs; a build speaks of the distribution's own pyproject.toml.
    file, base = (named[-1][2], roots[0] if named[-1][1] else roots[-1]) if named else ("pyproject.toml", roots[-1])
    path = posixpath.join(base, file)
    return Diagnosis(
        kind=FailureKind.BUILD,
        message=_one_line(f"TOML parse error: {why}" if why else "TOML parse error"),
        path=_relative(path, roots) or path,
        line=int(last[1]),
        column=int(last[2]),
    )


def _storage(text: str) -> Diagnosis | None:
    """A full or read-only disk, whoever met it; a file that uv may not write."""
    pattern = _DISK if _TRACEBACK in text else re.compile(f"{_DISK.pattern}|{_DENIED.pattern}")
    line = next((line for line in reversed(text.splitlines()) if pattern.search(line)), None)
    if line is None:
        return None
    return Diagnosis(kind=FailureKind.IO, message=_one_line(re.sub(r"^\s*(?:error:|cause:|├─▶|╰─▶|\u00d7)", "", line)))


def _compiler(text: str, roots: Sequence[str]) -> Diagnosis | None:
    for found in _COMPILER.finditer(text):
        path = _relative(posixpath.join(roots[-1], found[1]), roots)
        if path is not None:
            column = int(found[3]) if found[3] else 1
            message = _one_line(found[4])
            return Diagnosis(kind=FailureKind.BUILD, message=message, path=path, line=int(found[2]), column=column)
    return None


def _exception(text: str, roots: Sequence[str], indent_of: Callable[[str, int], int]) -> Diagnosis | None:
    """The last traceback: its last line, and the last frame in the user's own files, of it or of an earlier one."""
    *earlier, last = text.split(_TRACEBACK)
    if not earlier:
        return None
    frames = list(_FRAME.finditer(last))
    rest = last[frames[-1].end() :] if frames else last
    lines = rest.split("\n")
    at, message = _exception_line(lines, indent=len(earlier[-1]) - len(earlier[-1].rstrip(" ")))
    if message is None:
        return None
    for part in (last, *reversed(earlier[1:])):
        place = _own_frame(part, roots)
        if place is None:
            continue
        path, full, line, is_last = place
        column = 1
        if part is last and is_last and message.partition(":")[0].endswith(_SYNTAX):
            column = _caret_column(lines[:at], indent_of(full, line))
        return Diagnosis(kind=FailureKind.BUILD, message=message, path=path, line=line, column=column)
    return Diagnosis(kind=FailureKind.BUILD, message=message)


def _exception_line(lines: list[str], *, indent: int) -> tuple[int, str | None]:
    """The first line after the frames that names an exception, indented as the traceback's own first line."""
    for number, line in enumerate(lines):
        found = _EXCEPTION.match(line[indent:])
        if line[:indent].strip() or found is None:
            continue
        if found[2] is not None or _EXCEPTION_NAME.search(found[1]):
            return number, _one_line(line)
    return len(lines), None


def _own_frame(traceback: str, roots: Sequence[str]) -> tuple[str, str, int, bool] | None:
    """The last frame in the user's files: relative and absolute path, line, and whether it is the last of all."""
    frames = [(found[1], int(found[2])) for found in _FRAME.finditer(traceback)]
    for number in reversed(range(len(frames))):
        path, line = frames[number]
        # setuptools runs setup.py from a string.
        if path == "<string>" and number and frames[number - 1][0].endswith("/setuptools/build_meta.py"):
            path = posixpath.join(roots[-1], "setup.py")
        path = posixpath.join(roots[-1], path)
        relative = None if "<" in path else _relative(path, roots)
        if relative is not None:
            return relative, path, line, number == len(frames) - 1
    return None


def _caret_column(lines: list[str], indent: int) -> int:
    """The column, from 1, of the first caret under the source line; 1 if there is none."""
    for source, caret in pairwise(lines):
        if _CARET.match(caret) and source.strip():
            return caret.index("^") - (len(source) - len(source.lstrip())) + indent + 1
    return 1


def _causes(text: str) -> Diagnosis:
    """What uv itself says: the head of its error and the chain of causes below it."""
    head, causes, block, before = _parse(text)
    last = causes[-1] if causes else head
    if _CALL.match(last) or not last:
        # The backend printed no traceback. Its own last words tell more; `uv build` prints them above the error.
        message = (block or before or [last])[-1]
    elif (
        fetch := next((each for each in causes if each.startswith(("Failed to fetch", "Failed to download"))), last)
    ) != last:
        message = f"{fetch}: {last}"
    else:
        message = last
    network = _NETWORK.search(text) is not None
    if network and "disabled" in text:
        message = f"{message} (the network is disabled)"
    if network:
        kind = FailureKind.UV
    elif _ENVIRONMENT.search(text):
        kind = FailureKind.ENVIRONMENT
    elif head.startswith(("Failed to build", "Failed to prepare")) or _CALL.search(text):
        kind = FailureKind.BUILD
    else:
        kind = FailureKind.UV
    return Diagnosis(kind=kind, message=_one_line(message))


def _parse(text: str) -> tuple[str, list[str], list[str], list[str]]:
    """The error's head, its causes, the backend's lines inside it, and the plain lines before it."""
    heads: list[str] = []
    causes: list[str] = []
    block: list[str] = []
    before: list[str] = []
    current: list[str] = before
    for raw in text.splitlines():
        line = raw.strip(" │")
        if _HINT.match(line):
            current = []
        elif found := _HEAD.match(line):
            heads.append(found[1])
            causes, block, current = [], [], heads
        elif heads and (found := _CAUSE.match(line)):
            causes.append(found[1])
            current = causes
        elif _BLOCK.match(line):
            current = block
        elif not line:
            current = current if current is block or current is before else []
        elif current is causes or current is heads:
            current[-1] = f"{current[-1]} {line}"
        elif not (current is before and _PROGRESS.match(line)):
            current.append(line)
    return (heads[-1] if heads else ""), causes, block, before


def _relative(path: str, roots: Sequence[str]) -> str | None:
    """A path of the user's own, relative to the first root; None if it lies in no root, or in an environment there."""
    normal = posixpath.normpath(posixpath.join(roots[0], path))
    for root in roots:
        inside = posixpath.relpath(normal, root).split("/")
        if inside[0] != ".." and _FOREIGN.isdisjoint(inside):
            return posixpath.relpath(normal, roots[0])
    return None


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
