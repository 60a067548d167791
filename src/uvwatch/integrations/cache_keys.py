"""``[tool.uv] cache-keys``: the files that uv itself is to look at before it calls an installed copy good.

uv's rules (``crates/uv-cache-info``), each tried: a key is a file or a glob, and the newest time of all counts; a glob
is walked in full, so each begins at a directory that matters; keys take the place of uv's defaults. What lies in
``__pycache__`` must not match, or every import from the tree would lead to a build.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli
import tomlkit

from uvwatch.core.watchplan import is_below
from uvwatch.errors import Fatal
from uvwatch.integrations.proposal import Proposal, read

BLIND = (
    "uv goes by the newest time of these files: it does not notice a deleted file, unless that was the newest, nor a"
    " file of a kind that is not there yet; `uvwatch sync` notices both"
)

_DEFAULTS = ({"file": "pyproject.toml"}, {"file": "setup.py"}, {"file": "setup.cfg"})
_HEADER = re.compile(r"^[ \t]*\[[ \t]*tool[ \t]*\.[ \t]*uv[ \t]*\]", re.MULTILINE)

Key = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What is known of one distribution; all paths relative to its root.

    Attributes:
        files: the files of the tree that the wheel carries.
        packages: the topmost directories of them.
        generated: directories of generated files, whether or not there is anything in them now.
        inputs: the files that shape the wheel.
    """

    files: tuple[str, ...]
    packages: tuple[str, ...]
    generated: tuple[str, ...]
    inputs: tuple[str, ...]


def cache_keys(carried: Carried) -> tuple[Key, ...]:
    """The keys that make uv notice a change of anything carried: uv's defaults first, then by directory and kind."""
    keys: list[Key] = [*_DEFAULTS]
    if any(path.startswith("src/") for path in carried.files):
        keys.append({"dir": "src"})
    keys += ({"file": _literal(path)} for path in carried.inputs)
    rest = set(carried.files) - {*carried.inputs}
    for directory in _topmost(carried.generated):
        inside = {path for path in rest if is_below(path, directory)}
        if any(path.endswith(".py") for path in inside):
            keys += _by_kind(directory, inside)
        else:
            keys.append({"file": f"{_literal(directory)}/**/*"})
        rest -= inside
    for directory in _topmost(carried.packages):
        inside = {path for path in rest if is_below(path, directory)}
        keys += _by_kind(directory, inside)
        rest -= inside
    keys += ({"file": _literal(path)} for path in sorted(rest))
    return tuple(key for number, key in enumerate(keys) if key not in keys[:number])


def propose(pyproject: Path, carried: Carried) -> Proposal:
    """Give pyproject.toml with the keys that it lacks; its comments, its order and its own keys stay.

    Raises:
        Fatal: it cannot be read, does not parse, or is written in a way that cannot be added to.
    """
    before = read(pyproject) or ""
    try:
        declared = tomli.loads(before).get("tool", {}).get("uv", {}).get("cache-keys", [])
    except (tomli.TOMLDecodeError, AttributeError) as error:
        raise Fatal(f"{pyproject}: {error}; nothing was changed") from error
    if not isinstance(declared, list):
        raise Fatal(f"{pyproject}: tool.uv.cache-keys must be a list; nothing was changed")
    # uv reads a string as a file.
    known = [{"file": key} if isinstance(key, str) else key for key in declared]
    keys = [*declared, *(key for key in cache_keys(carried) if key not in known)]
    after = _with_keys(before, keys) if len(keys) > len(declared) else before
    if not _holds(after, _expected(before, keys)):
        raise Fatal(
            f"{pyproject}: tool.uv is written in a way that cannot be added to; write it as a table [tool.uv]."
            " Nothing was changed"
        )
    return Proposal(path=pyproject, before=before, after=after, excerpt=f"[tool.uv]\n{_written(keys)}")


def _with_keys(text: str, keys: Sequence[Any]) -> str:
    if not _HEADER.search(text):
        # The table may stand after its own subtables, so the end of the file is always right.
        between = "" if not text or text.endswith("\n") else "\n"
        return f"{text}{between}\n[tool.uv]\n{_written(keys)}"
    document = tomlkit.parse(text)
    table: Any = document["tool"]
    array = table["uv"].get("cache-keys")
    if array is None:
        table["uv"]["cache-keys"] = tomlkit.parse(_written(keys))["cache-keys"]
    else:
        for key in keys[len(array) :]:
            array.append(_inline(key))
    return tomlkit.dumps(document)


def _holds(text: str, expected: Mapping[str, Any]) -> bool:
    try:
        return tomli.loads(text) == expected
    except tomli.TOMLDecodeError:
        return False


def _expected(text: str, keys: Sequence[Any]) -> Mapping[str, Any]:
    document = tomli.loads(text)
    document.setdefault("tool", {}).setdefault("uv", {})["cache-keys"] = list(keys)
    return document


def _written(keys: Iterable[Any]) -> str:
    lines = "".join(f"    {_inline(key).as_string()},\n" for key in keys)
    return f"cache-keys = [\n{lines}]\n"


def _inline(key: Any) -> Any:
    """A key as one inline value of TOML."""
    if not isinstance(key, Mapping):
        return tomlkit.item(key)
    inline = tomlkit.inline_table()
    inline.update(key)
    return inline


def _by_kind(directory: str, files: Iterable[str]) -> list[Key]:
    """One glob for all kinds of files in a directory; a file without an ending by its name."""
    kinds: set[str] = set()
    plain: list[Key] = []
    for path in sorted(files):
        stem, dot, kind = path.rpartition("/")[2].rpartition(".")
        if stem and dot and re.fullmatch(r"[\w-]+", kind):
            kinds.add(kind)
        else:
            plain.append({"file": _literal(path)})
    if not kinds:
        return plain
    ending = kinds.pop() if len(kinds) == 1 else "{" + ",".join(sorted(kinds)) + "}"
    return [{"file": f"{_literal(directory)}/**/*.{ending}"}, *plain]


def _literal(path: str) -> str:
    """A path that uv does not take for a glob: each special character stands for any one."""
    return re.sub(r"[*\[\]{}]", "?", path)


def _topmost(directories: Iterable[str]) -> list[str]:
    found: list[str] = []
    for directory in sorted(directories):
        if directory and not any(is_below(directory, each) for each in found):
            found.append(directory)
    return found
