"""The configuration: one table of keys, and how pyproject.toml, the environment and options become a ``Config``.

The fields of :class:`Config` are the table: what can be set in ``[tool.uvwatch]``, which ``UVWATCH_*`` variables there
are and which options the command line has are all made from them. This module knows names, kinds and bounds of values;
it must not know where a file lies nor what a setting does.
"""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from enum import Enum
from typing import Any

from uvwatch.errors import Fatal

TABLE = "tool.uvwatch"
_HOOKS = "hooks"
"""The one table inside of ours: its keys are ``hooks.updated`` and so on."""


class Installer(Enum):
    """Who puts changes in place."""

    AUTO = "auto"
    UV = "uv"


class Editable(Enum):
    """The mode in which distributions are kept installed."""

    KEEP = "keep"
    ALWAYS = "always"
    NEVER = "never"


class Polling(Enum):
    """Whether trees are looked at by the clock instead of by events."""

    ALWAYS = "always"
    NEVER = "never"
    AUTO = "auto"


class Kind(Enum):
    """What a value may be; the value says so in words, as an error completes "must be ..."."""

    SECONDS = "a number of seconds, 0 or more"
    POSITIVE_SECONDS = "a number of seconds greater than 0"
    FLAG = "true or false"
    CHOICE = "one of the choices"
    WORDS = "a list of strings"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One setting.

    ``name`` is the key in pyproject.toml, dotted inside of a table of its own; ``field`` the attribute of
    :class:`Config` and the option's parameter; ``variable`` the name in the environment. ``choices`` is set for
    ``Kind.CHOICE`` alone.
    """

    name: str
    field: str
    variable: str
    kind: Kind
    default: Any
    help: str
    choices: type[Enum] | None = None

    @property
    def dotted(self) -> str:
        """The key as errors name it: ``tool.uvwatch.settle``."""
        return f"{TABLE}.{self.name}"

    @property
    def option(self) -> str:
        """The option of the command line, where there is one."""
        return f"--{self.name.replace('.', '-')}"

    @property
    def scalar(self) -> bool:
        """Whether there is one value, and so an option of the command line."""
        return self.kind is not Kind.WORDS

    @property
    def expected(self) -> str:
        """What a value must be, in words."""
        if self.choices is None:
            return self.kind.value
        return " or ".join(f'"{choice.value}"' for choice in self.choices)


def _about(kind: Kind, text: str, choices: type[Enum] | None = None, *, table: str | None = None) -> dict[str, Any]:
    return {"kind": kind, "help": text, "choices": choices, "table": table}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What the user chose, complete and checked. ``None`` leaves a choice to others, as each line says."""

    packages: tuple[str, ...] | None = field(
        default=None,
        metadata=_about(Kind.WORDS, "the distributions to keep fresh (default: every local one)"),
    )
    artifacts: tuple[str, ...] = field(
        default=(),
        metadata=_about(Kind.WORDS, "extra generated directories or globs, watched although git-ignored"),
    )
    ignore: tuple[str, ...] = field(
        default=(),
        metadata=_about(Kind.WORDS, "gitignore patterns that are never looked at"),
    )
    settle: float = field(
        default=0.1,
        metadata=_about(Kind.SECONDS, "seconds without a change before an update starts"),
    )
    settle_max: float = field(
        default=10.0,
        metadata=_about(Kind.SECONDS, "seconds after the first change at which an update starts all the same"),
    )
    installer: Installer = field(
        default=Installer.AUTO,
        metadata=_about(Kind.CHOICE, "auto: in place where that is safe, else uv; uv: always through uv", Installer),
    )
    editable: Editable = field(
        default=Editable.KEEP,
        metadata=_about(Kind.CHOICE, "the mode of the installed distributions: as first seen, or that one", Editable),
    )
    sync_args: tuple[str, ...] = field(
        default=(),
        metadata=_about(Kind.WORDS, "further arguments for uv sync when the environment is made or the lock changed"),
    )
    compile_bytecode: bool | None = field(
        default=None,
        metadata=_about(Kind.FLAG, "compile what changed (default: as uv's own settings say)"),
    )
    build_timeout: float = field(
        default=300.0,
        metadata=_about(Kind.POSITIVE_SECONDS, "seconds after which a build is ended and called failed"),
    )
    audit: float = field(
        default=60.0,
        metadata=_about(Kind.SECONDS, "seconds between scans when idle; 0 turns them off"),
    )
    polling: Polling = field(
        default=Polling.AUTO,
        metadata=_about(Kind.CHOICE, "scan by the clock; auto: on file systems that send no events", Polling),
    )
    hooks_updated: tuple[str, ...] | None = field(
        default=None,
        metadata=_about(Kind.WORDS, "a command to run after an update, its event as JSON on stdin", table=_HOOKS),
    )
    hooks_failed: tuple[str, ...] | None = field(
        default=None,
        metadata=_about(Kind.WORDS, "a command to run after a failure, its event as JSON on stdin", table=_HOOKS),
    )
    hooks_timeout: float = field(
        default=10.0,
        metadata=_about(Kind.POSITIVE_SECONDS, "seconds after which a hook is ended", table=_HOOKS),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberConfig:
    """What a workspace member's own ``[tool.uvwatch]`` adds; patterns are relative to the member."""

    artifacts: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()


def _keys() -> Iterator[Key]:
    for each in fields(Config):
        about = dict(each.metadata)
        name = each.name.replace("_", "-")
        if table := about.pop("table"):
            name = f"{table}.{name.removeprefix(f'{table}-')}"
        default = None if each.default is MISSING else each.default
        yield Key(name=name, field=each.name, variable=f"UVWATCH_{each.name.upper()}", default=default, **about)


KEYS: tuple[Key, ...] = tuple(_keys())
_MEMBER_KEYS = frozenset(each.name for each in fields(MemberConfig))


def own_table(pyproject: Mapping[str, Any], *, where: str) -> Mapping[str, Any]:
    """``[tool.uvwatch]`` of a parsed pyproject.toml, empty if there is none.

    Raises:
        Fatal: it is no table.
    """
    tool = pyproject.get("tool")
    table = tool.get("uvwatch", {}) if isinstance(tool, Mapping) else {}
    if not isinstance(table, Mapping):
        raise Fatal(f"{where}: {TABLE} must be a table, not {_shown(table)}")
    return table


def load(table: Mapping[str, Any], environ: Mapping[str, str], options: Mapping[str, Any], *, where: str) -> Config:
    """Merge the three sources, the later one winning: pyproject.toml, ``UVWATCH_*``, options.

    Every value is checked, also one that a later source overrides. An empty variable counts as not set.

    Args:
        table: ``[tool.uvwatch]`` of the workspace root.
        environ: the process's environment; variables that name no key are ignored.
        options: field name → value, text as typed or already converted; ``None`` where the option was not given.
        where: the file that ``table`` comes from, as errors shall name it.

    Raises:
        Fatal: an unknown key, a wrong type, a value out of bounds, or ``settle`` above ``settle-max``.
    """
    table = _flat(table, where=where)
    _refuse_unknown(table, known=[key.name for key in KEYS], where=where)
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for key in KEYS:
        for name, origin, value in _given(key, table, environ, options, where=where):
            values[name], origins[name] = value, origin
    config = Config(**values)
    if config.settle > config.settle_max:
        origin = origins.get("settle") or origins["settle_max"]
        raise Fatal(f"{origin}: settle ({config.settle:g} s) must not be above settle-max ({config.settle_max:g} s)")
    return config


def load_member(table: Mapping[str, Any], *, where: str) -> MemberConfig:
    """Read a workspace member's own ``[tool.uvwatch]``.

    Raises:
        Fatal: a key other than ``artifacts`` and ``ignore``, or a wrong type.
    """
    table = _flat(table, where=where)
    for key in KEYS:
        if key.name in table and key.name not in _MEMBER_KEYS:
            raise Fatal(f"{where}: {key.dotted} belongs in the workspace root; a member may set artifacts and ignore")
    _refuse_unknown(table, known=sorted(_MEMBER_KEYS), where=where)
    given = (_given(key, table, {}, {}, where=where) for key in KEYS if key.name in _MEMBER_KEYS)
    values = {name: value for each in given for name, _origin, value in each}
    return MemberConfig(**values)


def _given(
    key: Key, table: Mapping[str, Any], environ: Mapping[str, str], options: Mapping[str, Any], *, where: str
) -> Iterator[tuple[str, str, Any]]:
    """The checked values of one key, the weakest first: its field, the words that name the place, the value."""
    if key.name in table:
        origin = f"{where}: {key.dotted}"
        yield key.field, origin, _checked(key, table[key.name], origin=origin)
    if text := environ.get(key.variable):
        yield key.field, key.variable, _checked(key, _spoken(key, text, origin=key.variable), origin=key.variable)
    value = options.get(key.field)
    if value is not None:
        origin = key.option
        value = _spoken(key, value, origin=origin) if isinstance(value, str) else value
        yield key.field, origin, _checked(key, value, origin=origin)


def _spoken(key: Key, text: str, *, origin: str) -> Any:
    """What a text means that comes from a variable or an option, as pyproject.toml would say it."""
    match key.kind:
        case Kind.SECONDS | Kind.POSITIVE_SECONDS:
            try:
                number = float(text)
            except ValueError:
                return text
            return number if math.isfinite(number) else text
        case Kind.FLAG:
            return {"true": True, "1": True, "false": False, "0": False}.get(text.lower(), text)
        case Kind.CHOICE:
            return text
        case Kind.WORDS:
            import shlex  # noqa: PLC0415 - a client imports this module for the names of options, and soon

            try:
                return shlex.split(text)
            except ValueError as error:
                raise Fatal(f"{origin} must be shell words ({str(error).lower()}), not {_shown(text)}") from error


def _checked(key: Key, value: Any, *, origin: str) -> Any:
    """The value as :class:`Config` holds it; what is of the right kind and could mean nothing is refused, too."""
    checked = _of_kind(key, value, origin=origin)
    if key.name == "packages" and not checked:
        raise Fatal(f"{origin} must name a distribution; leave it out to keep every local one")
    if key.name == "artifacts":
        for pattern in checked:
            if ".." in pattern.split("/"):
                raise Fatal(f"{origin} must be inside of the project, not {_shown(pattern)}")
    return checked


def _of_kind(key: Key, value: Any, *, origin: str) -> Any:
    """The value as :class:`Config` holds it, or an error that names the place, what was expected and what is there."""
    refusal = Fatal(f"{origin} must be {key.expected}, not {_shown(value)}")
    match key.kind:
        case Kind.SECONDS | Kind.POSITIVE_SECONDS:
            seconds = _seconds(value)
            if seconds is None or seconds < 0 or (key.kind is Kind.POSITIVE_SECONDS and seconds == 0):
                raise refusal
            return seconds
        case Kind.FLAG:
            if not isinstance(value, bool):
                raise refusal
            return value
        case Kind.CHOICE:
            for choice in key.choices or ():
                if value in (choice, choice.value):
                    return choice
            raise refusal
        case Kind.WORDS:
            return _words(value, refusal, origin=origin)


def _words(value: Any, refusal: Fatal, *, origin: str) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(word, str) for word in value):
        raise refusal
    if any("\0" in word for word in value):
        raise Fatal(f"{origin} must hold no null byte, which no path and no command has, not {_shown(value)}")
    return tuple(value)


def _seconds(value: Any) -> float | None:
    """A finite number as float, else None; ``bool`` is a number to Python and to nobody else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        seconds = float(value)
    except OverflowError:
        return None
    return seconds if math.isfinite(seconds) else None


def _flat(table: Mapping[str, Any], *, where: str) -> Mapping[str, Any]:
    """The table with the keys of the one inside of it as ``hooks.updated``."""
    inner = table.get(_HOOKS, {})
    if not isinstance(inner, Mapping):
        raise Fatal(f"{where}: {TABLE}.{_HOOKS} must be a table, not {_shown(inner)}")
    flat = {name: value for name, value in table.items() if name != _HOOKS}
    return flat | {f"{_HOOKS}.{name}": value for name, value in inner.items()}


def _refuse_unknown(table: Mapping[str, Any], *, known: Iterable[str], where: str) -> None:
    names = list(known)
    for name in table:
        if name not in names:
            import difflib  # noqa: PLC0415 - for an error alone

            near = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean {TABLE}.{near[0]}?" if near else f"expected one of {', '.join(names)}"
            raise Fatal(f"{where}: {TABLE}.{name} is not a known key; {hint}")


def _shown(value: Any) -> str:
    """A value as a user would write it, cut to a length that fits a sentence."""
    longest = 60
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except ValueError:  # an integer with more digits than Python turns into text
        text = "a number with thousands of digits"
    return text if len(text) <= longest else f"{text[:longest]}..."
