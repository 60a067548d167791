"""What stays the same from one pyproject.toml to the next: project, settings, uv, environment, locks.

A ``Site`` is found once and found again when its files change. It knows where things are; it changes nothing.
"""

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import platformdirs
from packaging.utils import canonicalize_name

from uvwatch.core.config import Config, MemberConfig, load, load_member, own_table
from uvwatch.core.model import Distribution
from uvwatch.core.rules import Artifact, Rules
from uvwatch.core.watchplan import is_below
from uvwatch.errors import Fatal
from uvwatch.installing.locks import Locks
from uvwatch.installing.memory import Store
from uvwatch.installing.uv import Uv, find_uv
from uvwatch.project.backends import Declared, declared
from uvwatch.project.environment import locate
from uvwatch.project.pyproject import is_package, project_name, read_if_there
from uvwatch.project.rendezvous import Rendezvous, rendezvous_of
from uvwatch.project.workspace import Workspace, find

STATE = ".uvwatch"
"""The directory inside an environment that holds what may be lost."""


_NO_CACHE = frozenset({"-n", "--no-cache", "--no-cache-dir"})
"""What uv calls the option."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the command line asked for, as typed; ``editable`` is the mode to change to, None to keep it."""

    project: Path
    environment: Path | None = None
    active: bool = False
    packages: tuple[str, ...] | None = None
    options: Mapping[str, Any]
    environ: Mapping[str, str]
    editable: bool | None = None
    reinstall: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One project and its environment, as found; ``prefix`` may not exist yet."""

    request: Request
    workspace: Workspace
    config: Config
    uv: Uv
    prefix: Path
    store: Store
    rendezvous: Rendezvous
    locks: Locks

    @property
    def environ(self) -> Mapping[str, str]:
        """The user's own environment variables."""
        return self.request.environ

    @property
    def packages(self) -> tuple[str, ...] | None:
        """The distributions asked for: by option, else by the configuration; None for all."""
        names = self.request.packages or self.config.packages
        return None if names is None else tuple(canonicalize_name(name) for name in names)

    @property
    def packages_key(self) -> str:
        """How an error about them begins: with the setting that names them, with nothing where an option does."""
        if self.request.packages or self.config.packages is None:
            return ""
        if self.environ.get("UVWATCH_PACKAGES"):
            return "UVWATCH_PACKAGES: "
        return f"{self.workspace.root / 'pyproject.toml'}: tool.uvwatch.packages: "

    @property
    def name(self) -> str:
        """The project's name, for errors that belong to no distribution."""
        return project_name(self.workspace.pyproject) or self.workspace.project.name

    @property
    def lock_file(self) -> Path:
        """uv.lock, whether or not it is there."""
        return self.workspace.root / "uv.lock"

    @property
    def installs_project(self) -> bool:
        """Whether uv would install the nearest project itself."""
        return is_package(self.workspace.pyproject)

    def files(self) -> tuple[str, ...]:
        """The files that this site was read from: when one changes, it is found anew."""
        root, project = self.workspace.root, self.workspace.project
        return tuple(
            dict.fromkeys(str(where / name) for where in (root, project) for name in ("pyproject.toml", "uv.lock"))
        )


def find_site(request: Request) -> Site:
    """Find the project, its settings, uv and the environment.

    Raises:
        Fatal: any of them cannot be found or read; the message says which and what to do.
    """
    workspace, config, prefix = _read(request)
    rendezvous = rendezvous_of(prefix, request.environ)
    return Site(
        request=request,
        workspace=workspace,
        config=config,
        uv=find_uv(request.environ),
        prefix=prefix,
        store=_store(prefix, request.environ),
        rendezvous=rendezvous,
        locks=Locks(rendezvous),
    )


def find_again(site: Site) -> Site:
    """Read the settings of a site anew; its uv, environment and locks stay.

    Raises:
        Fatal: as ``find_site``.
    """
    workspace, config, _prefix = _read(site.request)
    return replace(site, workspace=workspace, config=config)


def for_once(site: Site) -> Site:
    """The site for a command that ends: where uv is told by ``sync-args`` to keep no cache, nothing is left behind."""
    if not _NO_CACHE.intersection(site.config.sync_args):
        return site
    request = replace(site.request, environ={**site.environ, "UV_NO_CACHE": "1"})
    return replace(site, request=request, store=_store(site.prefix, request.environ))


def _read(request: Request) -> tuple[Workspace, Config, Path]:
    workspace = find(request.project)
    where = str(workspace.root / "pyproject.toml")
    config = load(own_table(workspace.root_pyproject, where=where), request.environ, request.options, where=where)
    _require_relative(config.artifacts, workspace.root)
    prefix = locate(workspace, request.environ, environment=request.environment, active=request.active)
    return workspace, config, prefix


def _require_relative(artifacts: Iterable[str], root: Path) -> None:
    """Refuse the absolute path of what lies in the tree: a first slash means the project, as in .gitignore."""
    for pattern in artifacts:
        if root.parent != root and is_below(pattern, str(root)):
            raise Fatal(
                f'tool.uvwatch.artifacts must be relative to the project: "{os.path.relpath(pattern, root)}",'
                f' not "{pattern}"'
            )


def member_config(distribution: Distribution) -> MemberConfig:
    """Read what a member's own pyproject.toml adds; a directory without one adds nothing."""
    path = Path(distribution.root, "pyproject.toml")
    return load_member(own_table(read_if_there(path) or {}, where=str(path)), where=str(path))


def declared_by(distribution: Distribution) -> Declared:
    """Read what a distribution's build backend declares in its own pyproject.toml and hatch.toml.

    Raises:
        BrokenPyproject: one of them cannot be read.
    """
    pyproject, hatch = (Path(distribution.root, name) for name in ("pyproject.toml", "hatch.toml"))
    return declared(read_if_there(pyproject) or {}, hatch_toml=read_if_there(hatch))


def rules_for(
    site: Site, distribution: Distribution, packages: frozenset[str], others: tuple[Distribution, ...]
) -> Rules:
    """Say what can matter in a distribution's tree: the backend's declarations, the user's settings, what was learned.

    Args:
        site: the project.
        distribution: whose tree it is.
        packages: the tree's directories that are known to carry files of the wheel.
        others: the other distributions; what lies in their trees is theirs.
    """
    root = Path(distribution.root)
    is_root = root == site.workspace.root
    own = MemberConfig() if is_root else member_config(distribution)
    inside = _inside(str(site.workspace.root), distribution.root)
    found = declared_by(distribution)
    artifacts = [
        *(Artifact(pattern=each.pattern, key=each.key) for each in found.artifacts),
        *_keyed(own.artifacts, "tool.uvwatch.artifacts"),
        *_keyed(_rebased(site.config.artifacts, inside), "tool.uvwatch.artifacts"),
    ]
    return Rules(
        ignore=(*own.ignore, *_rebased(site.config.ignore, inside)),
        artifacts=tuple(artifacts),
        inputs=tuple(Artifact(pattern=each.pattern, key=each.key) for each in found.inputs),
        packages=packages,
        nested=_below(distribution.root, (*(other.root for other in others), *map(str, site.workspace.members))),
    )


def _below(root: str, others: Iterable[str]) -> frozenset[str]:
    return frozenset(below for other in others if (below := _inside(root, other)))


def _keyed(patterns: tuple[str, ...], key: str) -> list[Artifact]:
    return [Artifact(pattern=pattern, key=f"{key}[{index}]") for index, pattern in enumerate(patterns)]


def _inside(outer: str, inner: str) -> str | None:
    """The path of one directory below another, ``""`` where they are one; None where it lies elsewhere.

    Of absolute, normal paths: a workspace of hundreds of members asks this of each pair of them.
    """
    return inner[len(outer) :].strip("/") if is_below(inner, outer) else None


def _rebased(patterns: tuple[str, ...], inside: str | None) -> tuple[str, ...]:
    """Rewrite gitignore patterns of the workspace root for a distribution at ``inside`` of it.

    A pattern without a slash before its end holds everywhere (gitignore(5)); another only if it lies below ``inside``.
    """
    if inside is None:
        return ()
    found = []
    for pattern in patterns:
        anchored = pattern.lstrip("/")
        if not inside or "/" not in pattern.rstrip("/"):
            found.append(pattern)
        elif anchored.startswith(inside + "/"):
            found.append(anchored[len(inside) :])
        elif anchored.startswith("**/"):
            found.append(anchored)
    return tuple(found)


def _store(prefix: Path, environ: Mapping[str, str]) -> Store:
    """Where what was learned is kept: nowhere for a one-shot image build that asked to leave nothing behind."""
    if environ.get("UV_NO_CACHE", "").lower() in ("1", "true", "yes", "on"):
        return Store(None)
    if prefix.is_dir() and not (prefix / "pyvenv.cfg").exists() and (prefix / "bin").exists():
        name = hashlib.sha256(os.fsencode(prefix.resolve())).hexdigest()[:16]
        return Store(Path(platformdirs.user_cache_dir("uvwatch"), "state", name))
    return Store(prefix / STATE, inside=prefix)
