"""What was learned of a distribution, kept between runs: it may be lost at any time and costs one build then.

One JSON file a distribution, written whole beside its place and renamed. A file that cannot be read, is of another
version or of another root is as good as none. This module knows the form on disk, not what the values mean.
"""

import contextlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from uvwatch.core.model import Content, Known, Signature
from uvwatch.core.origins import Origins, Rule
from uvwatch.core.plan import Learned

VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What one distribution's last look and last build left behind.

    ``tree`` and ``installed`` are contents with the signatures at which they were read, so the next look reads only
    what changed; ``learned`` was learned in the mode ``learned_editable``. ``lock`` is the digest of the uv.lock that
    the environment was made from, ``editable`` the mode in which the distribution was first seen.
    """

    tree: Mapping[str, Known] = field(default_factory=dict)
    installed: Mapping[str, Known] = field(default_factory=dict)
    learned: Learned | None = None
    learned_editable: bool | None = None
    lock: str | None = None
    editable: bool | None = None


class Store:
    """The directory that memories lie in; ``directory`` None keeps nothing.

    ``inside`` is the environment that it lies in, if it lies in one.
    """

    def __init__(self, directory: Path | None, *, inside: Path | None = None) -> None:
        self._directory = directory
        self._inside = inside

    @property
    def keeps(self) -> bool:
        """Whether anything is kept at all."""
        return self._directory is not None

    def load(self, name: str, root: str) -> Memory:
        """Read back what was saved for this distribution at this root, else an empty memory."""
        if self._directory is None:
            return Memory()
        try:
            data = json.loads((self._directory / f"{name}.json").read_bytes())
            return _decode(data) if (data["version"], data["root"]) == (VERSION, root) else Memory()
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return Memory()

    def modes(self) -> Mapping[str, bool]:
        """Whether each distribution, by name, was first seen editable; whatever root it had then."""
        found: dict[str, bool] = {}
        for path in sorted(self._directory.glob("*.json")) if self._directory is not None else ():
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                data = json.loads(path.read_bytes())
                if data["version"] == VERSION and isinstance(data["editable"], bool):
                    found[path.stem] = data["editable"]
        return found

    def save(self, name: str, root: str, memory: Memory) -> OSError | None:
        """Write a memory; a disk that is full or read-only only costs the next run time, so the error is returned."""
        if self._directory is None:
            return None
        target = self._directory / f"{name}.json"
        partial = target.with_suffix(f".{os.getpid()}")
        try:
            if self._inside is not None and not (self._inside / "pyvenv.cfg").exists():
                return None  # nothing is created in place of an environment that vanished
            self._directory.mkdir(parents=self._inside is None, exist_ok=True)
            partial.write_text(json.dumps(_encode(root, memory), separators=(",", ":")), encoding="ascii")
            partial.replace(target)
        except OSError as error:
            with contextlib.suppress(OSError):
                partial.unlink()
            return error
        return None


def _encode(root: str, memory: Memory) -> dict[str, Any]:
    learned = memory.learned
    return {
        "version": VERSION,
        "root": root,
        "tree": {path: [*known.signature, *known.content] for path, known in memory.tree.items()},
        "installed": {path: [*known.signature, *known.content] for path, known in memory.installed.items()},
        "lock": memory.lock,
        "editable": memory.editable,
        "learned_editable": memory.learned_editable,
        "learned": learned
        and {
            "tree": learned.tree,
            "wheel": learned.wheel,
            "of": learned.origins.of,
            "rules": learned.origins.rules,
            "rewritten": sorted(learned.rewritten),
        },
    }


def _decode(data: Mapping[str, Any]) -> Memory:
    learned = data["learned"]
    # What a file holds is known from four sides: one object for all of them takes a fifth less memory.
    content = cache(Content)
    return Memory(
        tree=_decode_known(data["tree"], content),
        installed=_decode_known(data["installed"], content),
        lock=data["lock"],
        editable=data["editable"],
        learned_editable=data["learned_editable"],
        learned=learned
        and Learned(
            tree={path: content(*found) for path, found in learned["tree"].items()},
            wheel={path: content(*found) for path, found in learned["wheel"].items()},
            origins=Origins(of=learned["of"], rules=tuple(Rule(*rule) for rule in learned["rules"])),
            rewritten=frozenset(learned["rewritten"]),
        ),
    )


def _decode_known(data: Mapping[str, list[Any]], content: Callable[..., Content]) -> dict[str, Known]:
    fields = len(Signature._fields)
    return {path: Known(Signature(*row[:fields]), content(*row[fields:])) for path, row in data.items()}
