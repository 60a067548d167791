"""What putting files in place would change, in which order, and when it is uv's business instead.

Everything here is about paths as RECORD has them and about contents; nothing is opened or written. It must not know how
a file is staged, or where its bytes come from.

Sources: the packaging specs "Recording installed projects" and "Binary distribution format"; RECORD's form is that of
uv 0.13.9 (csv, sorted by path, lines that end in a line feed).
"""

import csv
import io
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum

from uvwatch.core.model import Content, Delta, Distribution, Files
from uvwatch.core.record import UV_FILES, Row, in_dist_info, is_sbom

OWN_PREFIX = ".uvwatch"
"""No installed file's path may begin with this: staged files can lie under such a name."""

_UNACCEPTABLE = frozenset({"Cc", "Cs"})
"""Control characters, which uv refuses in a wheel, and what is no UTF-8."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why the difference is not put in place; the caller has uv reinstall. ``reason`` is a clause for the log."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """One installed copy.

    ``rows`` is RECORD, empty where it is not whole, and ``record_digest`` what it was read from; ``files`` what the
    disk holds of it; ``wheel_text`` the text of WHEEL.
    """

    distribution: Distribution
    has_pyvenv_cfg: bool
    rows: Mapping[str, Row]
    files: Files
    wheel_text: str
    record_digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What shall be installed.

    ``files`` are all that the wheel brings; ``generated`` the scripts that an installer makes of entry points: they
    stay as they are, which is right because entry_points.txt has to be the same.
    """

    dist_info: str
    files: Files
    wheel_text: str
    generated: frozenset[str] = field(default_factory=frozenset)


class Kind(Enum):
    """What a step does; the values stand in the redo log."""

    ADD = "add"
    CHANGE = "change"
    REMOVE = "remove"
    RECORD = "record"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One file to remove, or to put in place with its content; RECORD's content follows from the others."""

    kind: Kind
    path: str
    content: Content | None = None


def patched(installed: Installed, changes: Mapping[str, Content | None]) -> Wanted:
    """The installed copy itself, but for ``changes``: path → its new content, None to remove it.

    A file that RECORD names and the disk has not is wanted as RECORD says.
    """
    files = {path: installed.files.get(path) or Content(row.digest, False) for path, row in installed.rows.items()}  # noqa: FBT003
    for path, content in changes.items():
        if content is None:
            files.pop(path, None)
        else:
            files[path] = content
    return Wanted(dist_info=installed.distribution.dist_info, files=files, wheel_text=installed.wheel_text)


def delta(installed: Installed, wanted: Wanted) -> Delta:
    """What has to be written and removed, without what the installer wrote by itself and without WHEEL.

    ``added`` is not on disk; ``changed`` differs there, or is not what RECORD says of it.
    """
    rows, files, new = installed.rows, installed.files, wanted.files
    top = f"{installed.distribution.dist_info}/"
    passed = {f"{top}{name}" for name in (*UV_FILES, "RECORD", "WHEEL")} | wanted.generated
    differs = [path for path, content in new.items() if files.get(path) != content or _row_lies(rows, path, content)]
    return Delta(
        added=tuple(sorted(path for path in differs if path not in files and path not in passed)),
        changed=tuple(sorted(path for path in differs if path in files and path not in passed)),
        removed=tuple(sorted(rows.keys() - new.keys() - passed)),
    )


def _row_lies(rows: Mapping[str, Row], path: str, content: Content) -> bool:
    row = rows.get(path)
    return row is None or row.digest != content.digest


def refusal(installed: Installed, wanted: Wanted, difference: Delta) -> str | None:
    """The first reason why uv has to install this, None where it may be put in place.

    ``difference`` is :func:`delta` of the other two.
    """
    reasons = (
        _unfit(installed, wanted),
        next((reason for path in _paths(difference) if (reason := _misplaced(path))), None),
        _without_a_script(installed, wanted),
        _in_the_way(installed, difference),
        _alike(difference),
    )
    return next((reason for reason in reasons if reason), None)


def _paths(difference: Delta) -> Iterator[str]:
    yield from difference.added
    yield from difference.changed
    yield from difference.removed


def _unfit(installed: Installed, wanted: Wanted) -> str | None:
    """Why this installed copy is nobody's business but uv's."""
    distribution = installed.distribution
    before, after = _wheel_fields(installed.wheel_text), _wheel_fields(wanted.wheel_text)
    old_tags, new_tags = ([line for line in lines if line.startswith("Tag:")] for lines in (before, after))
    reasons = {
        "it is installed editable": distribution.editable,
        "it was not installed by uv": not distribution.by_uv,
        "the environment has no pyvenv.cfg": not installed.has_pyvenv_cfg,
        "its RECORD is not whole": f"{distribution.dist_info}/RECORD" not in installed.rows,
        f"its dist-info is {wanted.dist_info} now": wanted.dist_info != distribution.dist_info,
        "the wheel is for other interpreters or platforms than before": old_tags != new_tags,
        f"{distribution.dist_info}/WHEEL differs": before != after,
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def _wheel_fields(text: str) -> list[str]:
    """The lines of WHEEL but the Generator's: uv's own uv_build and the package of that name sign differently."""
    return sorted(line.strip() for line in text.splitlines() if line.strip() and not line.startswith("Generator:"))


def leads_out(path: str) -> bool:
    """Whether a path is not a plain one below site-packages (``../../../bin/x``, ``/x``, ``a//b``, ``c:/x``)."""
    parts = path.split("/")
    return any(part in ("", ".", "..") for part in parts) or ":" in parts[0] or "\\" in path or "\0" in path


def _misplaced(path: str) -> str | None:
    if leads_out(path):
        return f"{path} lies outside site-packages"
    if in_dist_info(path) and not is_sbom(path):
        return f"{path} differs"
    if any(unicodedata.category(letter) in _UNACCEPTABLE for letter in path):
        return f"{path!a} is no name that uv installs"
    if path.startswith(OWN_PREFIX):
        return f"{path} has a name that is kept for staged files"
    return f"{path} is bytecode" if "__pycache__" in path.split("/") else None


def _without_a_script(installed: Installed, wanted: Wanted) -> str | None:
    missing = sorted(wanted.generated - installed.files.keys())
    return f"the script {missing[0]} has to be made" if missing else None


def _in_the_way(installed: Installed, difference: Delta) -> str | None:
    """A file that becomes a directory, or the reverse: it cannot be swapped by one rename."""
    emptied = {above for path in difference.removed for above in _above(path)}
    for path in difference.added:
        if path in emptied:
            return f"{path} was a directory before"
        for above in _above(path):
            if above in installed.rows:
                return f"{above} was a file before"
    return None


def _above(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path


def _alike(difference: Delta) -> str | None:
    """Two names that are one to a file system that ignores case or Unicode's forms: removing one removes the other."""
    removed = {_folded(path): path for path in difference.removed}
    alike = next((path for path in difference.added if _folded(path) in removed), None)
    return f"{removed[_folded(alike)]} becomes {alike}, which may be the same name here" if alike else None


def _folded(path: str) -> str:
    return unicodedata.normalize("NFC", path).casefold()


def steps(difference: Delta, wanted: Wanted) -> tuple[Step, ...]:
    """New files first, so that what a changed file imports is there; then changed, then removed, RECORD last."""
    return (
        *(Step(kind=Kind.ADD, path=path, content=wanted.files[path]) for path in difference.added),
        *(Step(kind=Kind.CHANGE, path=path, content=wanted.files[path]) for path in difference.changed),
        *(Step(kind=Kind.REMOVE, path=path) for path in difference.removed),
        Step(kind=Kind.RECORD, path=f"{wanted.dist_info}/RECORD"),
    )


def rows_after(installed: Installed, difference: Delta, written: Mapping[str, Row]) -> dict[str, Row]:
    """RECORD as it has to be; ``written`` is the row of each file that was added or changed."""
    gone = {*difference.removed}
    return {path: row for path, row in installed.rows.items() if path not in gone} | dict(written)


def render(rows: Mapping[str, Row]) -> str:
    """Write RECORD as uv does."""
    out = io.StringIO()
    lines: Iterable[tuple[str, str, str]] = (
        (path, row.digest, "" if row.size is None else str(row.size)) for path, row in sorted(rows.items())
    )
    csv.writer(out, lineterminator="\n").writerows(lines)
    return out.getvalue()
