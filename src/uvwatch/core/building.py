"""How a distribution says that it is built, and whether only uv can build it as uv would.

It knows ``[build-system]`` (PEP 517, PEP 518) and uv's settings by name, checked against uv 0.13.9. It must not know
where files lie, nor how a build is run.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

OLDEST_PYTHON = (3, 8)
"""The first Python that the resident build process and pyproject-hooks' own script run on."""

_LEGACY = "setuptools.build_meta:__legacy__"
_LEGACY_REQUIRES = ("setuptools >= 40.8.0",)

# uv's settings that no `uv build` looks at, or that change neither what is in a build environment nor what a backend
# is told. What is not listed here (a setting that is yet to come, too) leaves the build to uv.
_HARMLESS = frozenset(
    {
        "add-bounds",
        "audit",
        "build-backend",
        "cache-keys",
        "check-url",
        "compile-bytecode",
        "concurrent-builds",
        "concurrent-downloads",
        "concurrent-installs",
        "conflicts",
        "constraint-dependencies",
        "default-groups",
        "dependency-groups",
        "dev-dependencies",
        "environments",
        "exclude-dependencies",
        "fork-strategy",
        "graalpy-install-mirror",
        "link-mode",
        "managed",
        "minimum-libc-version",
        "no-sources",
        "no-sources-package",
        "override-dependencies",
        "package",
        "pip",
        "publish-url",
        "pyodide-install-mirror",
        "pypy-install-mirror",
        "python-downloads",
        "python-downloads-json-url",
        "python-install-mirror",
        "python-preference",
        "reinstall",
        "reinstall-package",
        "required-environments",
        "required-version",
        "resolution",
        "trusted-publishing",
        "upgrade",
        "upgrade-package",
        "workspace",
    }
)
# These speak of single packages: they count where they name the distribution or one of its build requirements.
_BY_PACKAGE = frozenset(
    {
        "config-settings-package",
        "extra-build-dependencies",
        "extra-build-variables",
        "no-build-isolation-package",
        "sources",
    }
)
# `uv pip install` reads the user's and the system's uv.toml by itself, so these mean the same to it there.
_SAME_EVERYWHERE = frozenset(
    {
        "allow-insecure-host",
        "cache-dir",
        "extra-index-url",
        "find-links",
        "http-proxy",
        "https-proxy",
        "index",
        "index-strategy",
        "index-url",
        "keyring-provider",
        "native-tls",
        "no-index",
        "no-proxy",
        "offline",
        "preview",
        "preview-features",
        "system-certs",
    }
)
_VARIABLES = (
    "UV_BUILD_CONSTRAINT",
    "UV_CONFIG_FILE",
    "UV_EXCLUDE_NEWER",
    "UV_NO_BINARY",
    "UV_NO_BINARY_PACKAGE",
    "UV_NO_BUILD",
    "UV_NO_BUILD_ISOLATION",
    "UV_NO_BUILD_PACKAGE",
    "UV_NO_CACHE",
    "UV_PRERELEASE",
    "UV_REQUIRE_BUILD_HASHES",
    "UV_REQUIRE_HASHES",
)
_INDEXES = ("UV_DEFAULT_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_INDEX", "UV_INSECURE_HOST", "UV_KEYRING")
_GENERATOR = re.compile(r"^Generator:[ \t]*(\S+)[ \t]+\(?([^\s()]+)\)?\s*$", re.MULTILINE)
_FALSE = frozenset({"", "0", "f", "false", "n", "no", "off"})


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildSystem:
    """``[build-system]``: what a build needs, the backend (``module`` or ``module:object``), and in-tree directories.

    ``backend_path`` is relative to the distribution's root; where it is not empty, the backend is the project's own.
    """

    requires: tuple[str, ...]
    backend: str
    backend_path: tuple[str, ...] = ()


def build_system(pyproject: Mapping[str, Any]) -> BuildSystem | None:
    """What ``[build-system]`` says, with the defaults of PEP 517 and PEP 518; None where it is not valid."""
    if "build-system" not in pyproject:
        return BuildSystem(requires=_LEGACY_REQUIRES, backend=_LEGACY)
    declared = pyproject["build-system"]
    if not isinstance(declared, Mapping):
        return None
    requires, backend = declared.get("requires"), declared.get("build-backend", _LEGACY)
    path = declared.get("backend-path", [])
    if not (_is_strings(requires) and isinstance(backend, str) and _is_strings(path)):
        return None
    return BuildSystem(requires=tuple(requires), backend=backend, backend_path=tuple(path))


def needs_uv(
    pyproject: Mapping[str, Any],
    *,
    settings: Sequence[Mapping[str, Any]],
    user_settings: Sequence[Mapping[str, Any]],
    uv_toml: str | None,
    environ: Mapping[str, str],
    python_version: str,
    forks: bool,
) -> str | None:
    """Say why ``uv build --wheel`` has to build this distribution; None if a resident build gives the same wheel.

    Args:
        pyproject: the distribution's own pyproject.toml; empty where it has none.
        settings: every ``[tool.uv]`` that may count: the workspace root's, the distribution's own.
        user_settings: the user's and the system's uv.toml.
        uv_toml: the project's uv.toml, which takes the place of ``[tool.uv]``; None without one.
        environ: the user's environment variables.
        python_version: of the interpreter that the wheel is for, ``X.Y.Z``.
        forks: whether the operating system can fork.
    """
    if not forks:
        return "there is no fork here"
    if tuple(int(part) for part in python_version.split(".")[:2]) < OLDEST_PYTHON:
        return f"Python {python_version} is older than {'.'.join(map(str, OLDEST_PYTHON))}"
    system = build_system(pyproject)
    if system is None:
        return "[build-system] is not valid"
    names = set[str]()
    for text in system.requires:
        requirement = _requirement(text)
        if requirement is None or requirement.url is not None:
            return f"build requirement {text!r} names a path or a URL"
        names.add(canonicalize_name(requirement.name))
    if uv_toml is not None:
        return f"{uv_toml} has settings of uv"
    project = pyproject.get("project")
    own = project.get("name") if isinstance(project, Mapping) else None
    concerned = names | ({canonicalize_name(own)} if isinstance(own, str) else set())
    return (
        next((reason for each in settings for key in each if (reason := _setting(key, each[key], concerned))), None)
        or next(
            (
                f"uv.toml sets {key}"
                for each in user_settings
                for key in each
                if key not in _SAME_EVERYWHERE and _setting(key, each[key], concerned)
            ),
            None,
        )
        or next((f"{name} is set" for name in _VARIABLES if environ.get(name, "").strip().lower() not in _FALSE), None)
    )


def needs_other(system: BuildSystem, asked: Sequence[str]) -> tuple[str, ...]:
    """What ``get_requires_for_build_wheel`` asked for beyond ``requires``, without duplicates."""
    return tuple(dict.fromkeys(each for each in asked if each not in system.requires))


def by_setuptools(system: BuildSystem | None) -> bool:
    """Whether setuptools takes part in the build, as the backend or behind one that requires it."""
    requirements = (_requirement(each) for each in (system.requires if system is not None else ()))
    return any(each is not None and canonicalize_name(each.name) == "setuptools" for each in requirements)


def is_older(built: str, installed: str) -> bool:
    """Whether a wheel was built by an older release of the backend than an installed one, by the texts of WHEEL.

    False where one of them does not say, or names another backend. Of uv_build, too: uv has one of its own, which signs
    as the one of the index does and is of uv's release, so no other build environment would ever be as young.
    """
    ours, theirs = _GENERATOR.search(built), _GENERATOR.search(installed)
    if ours is None or theirs is None or ours[1] != theirs[1] or ours[1] == "uv":
        return False
    try:
        return Version(ours[2]) < Version(theirs[2])
    except InvalidVersion:
        return False


def by_name(requires: Sequence[str]) -> bool:
    """Whether all requirements name packages of an index: none a path, a URL, or nothing that can be read."""
    return all((found := _requirement(each)) is not None and found.url is None for each in requires)


def index_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment variables that decide where ``uv pip install`` finds packages."""
    return {name: value for name, value in sorted(environ.items()) if name.startswith(_INDEXES)}


def environment_key(
    requires: Sequence[str], *, python: str, python_version: str, settings: Mapping[str, str], files: Sequence[bytes]
) -> str:
    """Name a build environment by all that decides what is in it: 32 hexadecimal digits.

    Args:
        requires: the build requirements, in any order.
        python: the real path of the interpreter.
        python_version: its version, ``X.Y.Z``.
        settings: as ``index_settings`` gives them.
        files: the contents of the uv.toml files that uv reads wherever it runs.
    """
    digests = [hashlib.sha256(each).hexdigest() for each in files]
    parts = [sorted(set(requires)), python, python_version, sorted(settings.items()), digests]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _setting(key: str, value: Any, concerned: set[str]) -> str | None:
    if key in _HARMLESS or value in (None, False, [], {}):
        return None
    if key not in _BY_PACKAGE:
        return f"tool.uv.{key} is set"
    named = value if isinstance(value, (list, Mapping)) else ()
    found = next((each for each in named if isinstance(each, str) and canonicalize_name(each) in concerned), None)
    return None if found is None else f"tool.uv.{key} names {found}"


def _requirement(text: str) -> Requirement | None:
    try:
        return Requirement(text)
    except InvalidRequirement:
        return None


def _is_strings(value: Any) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)
