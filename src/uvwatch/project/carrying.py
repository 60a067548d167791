"""How each build backend is told to carry a path in the wheel: the very line for pyproject.toml.

Each line was held against a real build, but for maturin's and meson-python's, which are as documented. This module
reads parsed settings; it opens no file and does not decide whether anything ought to be carried.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from uvwatch.core.patterns import decide
from uvwatch.project.pyproject import strings, table

PYPROJECT = "pyproject.toml"
HATCH = "hatch.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrying:
    """What to do about one path: a ``sentence``, and where one line is enough the ``line`` of a ``table`` of a file.

    ``line`` holds what the setting held before, too: it takes the place of the line that is there.
    """

    sentence: str
    file: str = PYPROJECT
    table: str | None = None
    line: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What shall be carried.

    Attributes:
        path: a directory, or a glob, relative to the distribution's root, parts divided by ``/``.
        is_directory: which of the two it is.
        place: ``path`` as it would be installed (``app/static`` for ``src/app/static``).
        package: the dotted name of the nearest package above it, ``""`` if there is none.
        packages: the directories of the tree that the wheel carries now.
    """

    path: str
    is_directory: bool
    place: str
    package: str
    packages: tuple[str, ...] = ()

    @property
    def glob(self) -> str:
        """The path as a glob of files."""
        return f"{self.path}/**/*" if self.is_directory else self.path


def carrying(pyproject: Mapping[str, Any], wanted: Wanted, *, hatch_toml: Mapping[str, Any] | None = None) -> Carrying:
    """Say how the backend that pyproject.toml names is made to carry something.

    Args:
        pyproject: the parsed pyproject.toml of the distribution.
        wanted: what to carry.
        hatch_toml: the parsed hatch.toml beside it, if there is one.
    """
    backend = backend_of(pyproject)
    if backend == "hatchling":
        return _hatchling(pyproject, wanted, hatch_toml or {})
    advise = _BACKENDS.get(backend)
    if advise is None:
        return Carrying(
            sentence=f"see the documentation of {backend} on data files in wheels: uvwatch knows no line for it"
        )
    return advise(pyproject, wanted)


def backend_of(pyproject: Mapping[str, Any]) -> str:
    """The first part of ``build-backend``, in which backends differ; setuptools where none is named (PEP 517)."""
    named = table(pyproject, "build-system").get("build-backend")
    return re.split(r"[.:]", named)[0] if isinstance(named, str) and named else "setuptools"


def _hatchling(pyproject: Mapping[str, Any], wanted: Wanted, hatch_toml: Mapping[str, Any]) -> Carrying:
    own = "build" in hatch_toml
    build = table(hatch_toml if own else table(pyproject, "tool", "hatch"), "build")
    listed = table(build, "targets", "wheel").get("artifacts")
    general = strings(build.get("artifacts")) if listed is None else ()
    if wanted.path in (*strings(listed), *general):
        return Carrying(
            sentence=f"`artifacts` names {wanted.path}, and hatchling leaves it out all the same: `packages`,"
            " `only-include` or `include` do not lead there"
        )
    where = ("" if own else "tool.hatch.") + "build.targets.wheel"
    return _listed(where, "artifacts", [*strings(listed), *general], wanted.path, file=HATCH if own else PYPROJECT)


def _setuptools(pyproject: Mapping[str, Any], wanted: Wanted) -> Carrying:
    # A wheel's own package: what lies below it is named relative to it.
    package = wanted.package or wanted.place.split("/")[0]
    below = wanted.place[len(package) + 1 :]
    if wanted.is_directory:
        below += "/**"
    data = table(pyproject, "tool", "setuptools", "package-data")
    return _listed("tool.setuptools.package-data", _bare(package), list(strings(data.get(package))), below)


def _poetry(pyproject: Mapping[str, Any], wanted: Wanted) -> Carrying:
    listed = table(pyproject, "tool", "poetry").get("include")
    entry = {"path": wanted.glob, "format": ["sdist", "wheel"]}
    return _listed("tool.poetry", "include", listed if isinstance(listed, list) else [], entry)


def _pdm(pyproject: Mapping[str, Any], wanted: Wanted) -> Carrying:
    listed = strings(table(pyproject, "tool", "pdm", "build").get("includes"))
    # The list takes the place of the packages that pdm-backend finds by itself, so they are named with it; the more
    # exact pattern wins over `excludes`.
    return _listed("tool.pdm.build", "includes", list(listed or wanted.packages), wanted.glob)


def _maturin(pyproject: Mapping[str, Any], wanted: Wanted) -> Carrying:
    listed = table(pyproject, "tool", "maturin").get("include")
    entry = {"path": wanted.glob, "format": ["sdist", "wheel"]}
    return _listed("tool.maturin", "include", listed if isinstance(listed, list) else [], entry)


def _scikit_build(pyproject: Mapping[str, Any], wanted: Wanted) -> Carrying:
    listed = strings(table(pyproject, "tool", "scikit-build", "sdist").get("include"))
    # The same list passes over .gitignore for wheels.
    return _listed("tool.scikit-build", "sdist.include", list(listed), wanted.path)


def _uv_build(pyproject: Mapping[str, Any], wanted: Wanted) -> Carrying:
    settings = table(pyproject, "tool", "uv", "build-backend")
    for name in ("wheel-exclude", "source-exclude"):
        listed = strings(settings.get(name))
        kept = [pattern for pattern in listed if not decide((_anywhere(pattern),), wanted.path + "/").include]
        if len(kept) < len(listed):
            [*others] = (pattern for pattern in listed if pattern not in kept)
            line = f"{name} = {toml(kept)}"
            return Carrying(
                sentence=f"take {toml(others[0])} out: `{line}` under [tool.uv.build-backend] in {PYPROJECT}",
                table="tool.uv.build-backend",
                line=line,
            )
    return _inside("uv_build", wanted)


def _flit(pyproject: Mapping[str, Any], wanted: Wanted) -> Carrying:
    del pyproject  # flit has no setting for it
    return _inside("flit", wanted)


def _meson(pyproject: Mapping[str, Any], wanted: Wanted) -> Carrying:
    del pyproject  # meson.build alone decides
    return Carrying(
        sentence=f"add `install_subdir({wanted.path!r}, install_dir: py.get_install_dir() /"
        f" {wanted.place.rpartition('/')[0]!r})` to meson.build",
        file="meson.build",
    )


def _inside(backend: str, wanted: Wanted) -> Carrying:
    return Carrying(sentence=f"{backend} carries all that lies in the package's directory: put {wanted.path} there")


_BACKENDS: Mapping[str, Callable[[Mapping[str, Any], Wanted], Carrying]] = {
    "setuptools": _setuptools,
    "uv_build": _uv_build,
    "flit_core": _flit,
    "pdm": _pdm,
    "poetry": _poetry,
    "scikit_build_core": _scikit_build,
    "maturin": _maturin,
    "mesonpy": _meson,
}


def _listed(where: str, key: str, before: list[Any], entry: Any, *, file: str = PYPROJECT) -> Carrying:
    """One more entry of a list."""
    line = f"{key} = {toml([*before, entry])}"
    verb = "change the line to" if before else "add"
    return Carrying(sentence=f"{verb} `{line}` under [{where}] in {file}", file=file, table=where, line=line)


def toml(value: Any) -> str:
    """Write a value of TOML in one line; a JSON string is one of TOML, too."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_bare(key)} = {toml(each)}" for key, each in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _bare(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else toml(name)


def _anywhere(pattern: str) -> str:
    """A glob of uv_build's, which matches at every depth unless it begins with a slash, as a gitignore pattern."""
    return pattern if pattern.startswith("/") else f"**/{pattern}"
