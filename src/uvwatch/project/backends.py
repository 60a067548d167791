"""What a build backend declares in pyproject.toml: generated or extra content, and the files that shape a wheel.

Only hints: what to watch although git ignores it, and which change asks for a build. What is in a wheel the backend
alone decides; this module must not decide it, and it opens no file. One row of a table for each setting.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from packaging.utils import canonicalize_name

from uvwatch.project.pyproject import strings, table

Found = Iterator[tuple[str, str]]
"""What a reader finds in the value of one setting: what follows the setting's name in the dotted key, and a pattern."""

_SHAPING = (
    "pyproject.toml",
    "setup.py",
    "setup.cfg",
    "MANIFEST.in",
    "hatch.toml",
    "hatch_build.py",
    "pdm_build.py",
    "CMakeLists.txt",
    "meson.build",
    "Cargo.toml",
    "Cargo.lock",
)
_COMPILERS = frozenset(
    {
        "cffi",
        "cython",
        "hatch-cython",
        "hatch-mypyc",
        "maturin",
        "meson-python",
        "mypy",
        "py-build-cmake",
        "scikit-build",
        "scikit-build-core",
        "setuptools",
        "setuptools-rust",
        "sip",
    }
)
"""Build requirements that compile what a project has to be compiled."""

_COMPILED = (
    *("*.c", "*.cc", "*.cpp", "*.cxx", "*.h", "*.hh", "*.hpp", "*.hxx", "*.cu", "*.cuh", "*.m", "*.mm"),
    *("*.f", "*.f90", "*.pyx", "*.pxd", "*.pxi", "*.rs", "*.i", "*.sip", "*.pyx.in", "*.c.in", "*.h.in", "*.asm"),
    *("CMakeLists.txt", "*.cmake", "meson.build", "meson.options", "meson_options.txt", "Cargo.toml"),
)
"""Files that a compiler, or what directs it, reads wherever they lie."""

_LICENSES = ("LICEN[CS]E*", "COPYING*", "NOTICE*", "AUTHORS*")
"""What backends take where ``project.license-files`` is not set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One declared path.

    ``pattern`` is gitignore-style, relative to the distribution's root; ``key`` the dotted name of what declares it,
    with the index in a list: ``tool.hatch.build.targets.wheel.artifacts[0]``.
    """

    pattern: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What one pyproject.toml declares; both in a fixed order and without duplicates.

    ``inputs`` are the files that a setting names because they shape the wheel. ``build_inputs`` are the gitignore-style
    patterns of all that do, relative to the distribution's root: these, and what has its meaning by its name.
    ``metadata_modules`` are patterns of the modules that dynamic metadata is read from, in each layout.
    """

    artifacts: tuple[Setting, ...]
    inputs: tuple[Setting, ...]
    build_inputs: tuple[str, ...]
    metadata_modules: tuple[str, ...] = ()


def declared(pyproject: Mapping[str, Any], *, hatch_toml: Mapping[str, Any] | None = None) -> Declared:
    """What the backend's settings name. Values of a wrong type are passed over: the backend will complain.

    Args:
        pyproject: the parsed pyproject.toml of the distribution.
        hatch_toml: the parsed hatch.toml beside it, if there is one: each of its tables takes the place of the table of
            that name in ``tool.hatch`` (hatchling's rule), and keys are still named as in pyproject.toml.
    """
    if hatch_toml:
        tool = table(pyproject, "tool")
        pyproject = {**pyproject, "tool": {**tool, "hatch": {**table(tool, "hatch"), **hatch_toml}}}
    artifacts, inputs = (
        tuple(dict.fromkeys(Setting(pattern=pattern, key=key) for key, pattern in _read(pyproject, rows)))
        for rows in (_ARTIFACTS, _INPUTS)
    )
    licenses = () if "license-files" in table(pyproject, "project") else _LICENSES
    by_name = (f"/{name}" for name in (*_SHAPING, *licenses))
    compiled = _COMPILED if _compiles(pyproject) else ()
    patterns = (*by_name, *(each.pattern for each in inputs), *compiled)
    return Declared(
        artifacts=artifacts,
        inputs=inputs,
        build_inputs=tuple(dict.fromkeys(patterns)),
        metadata_modules=tuple(dict.fromkeys(_metadata_modules(pyproject))),
    )


def _metadata_modules(pyproject: Mapping[str, Any]) -> Iterator[str]:
    """The modules that setuptools' ``attr`` and flit read; where they lie only the backend finds out."""
    project = table(pyproject, "project")
    if not strings(project.get("dynamic")):
        return
    attributes = [_get(entry, "attr") for _name, entry in _items(table(pyproject, "tool", "setuptools").get("dynamic"))]
    modules = [each.rpartition(".")[0] for each in attributes if isinstance(each, str)]
    if str(table(pyproject, "build-system").get("build-backend")).startswith("flit"):
        name = table(pyproject, "tool", "flit", "module").get("name", project.get("name"))
        modules.append(name.replace("-", "_") if isinstance(name, str) else "")
    for path in (_escaped(module.replace(".", "/")) for module in modules if module):
        for layout in ("", "src/"):
            for rest in (".py", "/__init__.py"):
                yield from (pattern for _suffix, pattern in _anchored("", f"{layout}{path}{rest}"))


def _get(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, Mapping) else None


def _compiles(pyproject: Mapping[str, Any]) -> bool:
    """Whether something takes part in the build that compiles; setuptools builds where nothing is said (PEP 517)."""
    if "build-system" not in pyproject:
        return True
    found = (re.match(r"\s*([\w.-]+)", each) for each in strings(table(pyproject, "build-system").get("requires")))
    return any(canonicalize_name(each[1]) in _COMPILERS for each in found if each is not None)


def input_key(pyproject: Mapping[str, Any], pattern: str) -> str | None:
    """The setting that makes a pattern of ``build_inputs`` one; None for a name that needs no setting."""
    return next((key for key, named in _read(pyproject, _INPUTS) if named == pattern), None)


def _read(pyproject: Mapping[str, Any], rows: Iterable[tuple[str, Callable[[Any], Found]]]) -> Found:
    for key, reader in rows:
        *parents, last = key.split(".")
        for suffix, pattern in reader(table(pyproject, *parents).get(last)):
            yield key + suffix, pattern


def _gitignore(value: Any) -> Found:
    """A list of gitignore patterns, taken as they are."""
    for index, pattern in enumerate(strings(value)):
        yield f"[{index}]", pattern


def _globs(value: Any) -> Found:
    """A glob, or a list of globs or of tables with a ``path`` or a ``file``; what is not for the wheel is left out."""
    if isinstance(value, str):
        yield from _anchored("", value)
    for index, item in enumerate(value if isinstance(value, list) else ()):
        entry = item if isinstance(item, Mapping) else {"path": item}
        formats = entry.get("format", "wheel")
        if "wheel" in (formats if isinstance(formats, list) else [formats]):
            yield from _anchored(f"[{index}]", entry.get("path", entry.get("file")))


def _globs_by_name(value: Any) -> Found:
    """A table of what :func:`_globs` reads."""
    for name, globs in _items(value):
        for suffix, pattern in _globs(globs):
            yield f".{_bare(name)}{suffix}", pattern


def _path(value: Any) -> Found:
    """A path, in which nothing is a wildcard."""
    if isinstance(value, str):
        yield from _anchored("", _escaped(value))


def _paths(value: Any) -> Found:
    """A path or a list of paths."""
    yield from _path(value)
    for index, path in enumerate(strings(value)):
        yield from _anchored(f"[{index}]", _escaped(path))


def _sources(value: Any) -> Found:
    """A table whose keys are paths in the tree; its values say where they go."""
    for name, _target in _items(value):
        yield from _anchored(f".{_bare(name)}", _escaped(name))


def _targets(value: Any) -> Found:
    """A table whose values are paths in the tree."""
    for name, path in _items(value):
        for suffix, pattern in _path(path):
            yield f".{_bare(name)}{suffix}", pattern


def _package_data(value: Any) -> Found:
    """A table of packages and globs below them; where a package lies only setuptools finds out, so in both layouts."""
    for package, globs in _items(value):
        for index, pattern in enumerate(strings(globs)):
            suffix = f".{_bare(package)}[{index}]"
            if package in ("", "*"):
                yield suffix, f"**/{pattern.removeprefix('./')}"
                continue
            for layout in ("", "src/"):
                yield from _anchored(suffix, f"{layout}{package.replace('.', '/')}/{pattern}")


def _file_of(value: Any) -> Found:
    """A path, or a table whose ``file`` is a path or a list of paths: readme, license, setuptools' dynamic fields."""
    yield from _path(value)
    if isinstance(value, Mapping):
        for suffix, pattern in _paths(value.get("file")):
            yield f".file{suffix}", pattern


def _files_of(value: Any) -> Found:
    """A table of what :func:`_file_of` reads."""
    for name, entry in _items(value):
        for suffix, pattern in _file_of(entry) if isinstance(entry, Mapping) else ():
            yield f".{_bare(name)}{suffix}", pattern


def _extensions(value: Any) -> Found:
    """The extension modules that setuptools is told of: what each is compiled from."""
    for index, entry in enumerate(value if isinstance(value, list) else ()):
        for key in ("sources", "depends"):
            for suffix, pattern in _paths(entry.get(key)) if isinstance(entry, Mapping) else ():
                yield f"[{index}].{key}{suffix}", pattern


def _templates(value: Any) -> Found:
    """scikit-build-core's list of files to generate, some from a template."""
    for index, entry in enumerate(value if isinstance(value, list) else ()):
        for suffix, pattern in _path(entry.get("template-path")) if isinstance(entry, Mapping) else ():
            yield f"[{index}].template-path{suffix}", pattern


def _inputs_of(value: Any) -> Found:
    """A table of tables with an ``input``, such as scikit-build-core's dynamic metadata."""
    for name, entry in _items(value):
        for suffix, pattern in _path(entry.get("input")) if isinstance(entry, Mapping) else ():
            yield f".{_bare(name)}.input{suffix}", pattern


def _directories(value: Any) -> Found:
    """A list of directories of which everything counts; the root itself is left out, or all files would."""
    for index, path in enumerate(strings(value)):
        for suffix, pattern in _anchored(f"[{index}]", _escaped(path)):
            yield suffix, f"{pattern}/**"


_ARTIFACTS: tuple[tuple[str, Callable[[Any], Found]], ...] = (
    ("tool.hatch.build.artifacts", _gitignore),
    ("tool.hatch.build.targets.wheel.artifacts", _gitignore),
    ("tool.hatch.build.force-include", _sources),
    ("tool.hatch.build.targets.wheel.force-include", _sources),
    ("tool.hatch.build.targets.wheel.shared-data", _sources),
    ("tool.hatch.build.targets.wheel.shared-scripts", _sources),
    ("tool.hatch.build.targets.wheel.extra-metadata", _sources),
    ("tool.hatch.build.targets.wheel.sbom-files", _paths),
    ("tool.setuptools.package-data", _package_data),
    ("tool.setuptools.data-files", _globs_by_name),
    ("tool.setuptools.script-files", _paths),
    ("tool.poetry.include", _globs),
    ("tool.pdm.build.includes", _globs),
    ("tool.pdm.build.wheel-data", _globs_by_name),
    ("tool.flit.external-data.directory", _path),
    ("tool.maturin.include", _globs),
    ("tool.maturin.data", _path),
    ("tool.scikit-build.sdist.include", _gitignore),
    ("tool.scikit-build.wheel.force-include", _sources),
    ("tool.uv.build-backend.data", _targets),
)

_INPUTS: tuple[tuple[str, Callable[[Any], Found]], ...] = (
    ("project.readme", _file_of),
    ("project.license", lambda value: _file_of(value) if isinstance(value, Mapping) else iter(())),
    ("project.license-files", _globs),
    ("build-system.backend-path", _directories),
    ("tool.hatch.build.hooks.custom.path", _path),
    ("tool.hatch.build.targets.wheel.hooks.custom.path", _path),
    ("tool.hatch.metadata.hooks.custom.path", _path),
    ("tool.hatch.metadata.hooks.fancy-pypi-readme.fragments", _globs),
    ("tool.hatch.version.path", _path),
    ("tool.setuptools.dynamic", _files_of),
    ("tool.setuptools.ext-modules", _extensions),
    ("tool.pdm.build.custom-hook", _path),
    ("tool.pdm.version.path", _path),
    ("tool.poetry.readme", _paths),
    ("tool.poetry.build", _path),
    ("tool.poetry.build.script", _path),
    ("tool.scikit-build.generate", _templates),
    ("tool.scikit-build.metadata", _inputs_of),
    ("tool.scikit-build.cmake.toolchain-file", _path),
    ("tool.maturin.manifest-path", _path),
    ("tool.uv.cache-keys", _globs),
)


def _items(value: Any) -> Iterable[tuple[str, Any]]:
    return value.items() if isinstance(value, Mapping) else ()


def _anchored(suffix: str, path: Any) -> Found:
    """The pattern anchored at the root; nothing for what is no path, the root itself, or lies outside."""
    if not isinstance(path, str) or path.startswith("/"):
        return
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if parts and ".." not in parts:
        yield suffix, "/" + "/".join(parts)


def _escaped(path: str) -> str:
    """A path as a pattern that matches it alone."""
    return re.sub(r"([\\*?\[\]])", r"\\\1", path)


def _bare(name: str) -> str:
    """A key as TOML writes it after a dot."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else f'"{name}"'
