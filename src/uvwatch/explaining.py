"""``uvwatch explain``: which rule decides about a path, asked of the same rules that the daemon runs by.

It finds what a path belongs to, in the tree or in the environment, and gathers what is known of it; the answer itself
is ``core.explain``'s.
"""

import os
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from anyio import to_thread

from uvwatch import log as logs
from uvwatch.core.config import Installer
from uvwatch.core.explain import Explained, Known, Role, on_change, role_of
from uvwatch.core.foreign import package_roots
from uvwatch.core.record import in_dist_info
from uvwatch.core.watchplan import is_below
from uvwatch.errors import CycleFailed, Fatal
from uvwatch.keeping.carried import LeftOut, left_out
from uvwatch.keeping.keeper import Keeper
from uvwatch.keeping.learning import learn_all
from uvwatch.keeping.roster import Roster
from uvwatch.keeping.site import Request, declared_by, find_site
from uvwatch.keeping.workshop import Workshop
from uvwatch.project.backends import input_key
from uvwatch.project.installed import site_of
from uvwatch.project.pyproject import read_if_there, table
from uvwatch.serving.escape import escaped
from uvwatch.serving.explained import explained_lines, explained_object, unknown_object
from uvwatch.serving.jsonlines import to_line
from uvwatch.serving.stream import OutLines, StdoutClosed, sink_of
from uvwatch.signals import stopped_by_signals
from uvwatch.watching.ignores import GitIgnores


async def explain(request: Request, paths: tuple[str, ...], *, as_json: bool) -> bool:
    """Print what each path is, and why; whether all of them are known.

    Raises:
        Fatal: there is nothing installed to explain by, or the first build, which it takes, failed.
    """
    found: list[Explained | str] = []
    async with stopped_by_signals() as stop:
        site = await to_thread.run_sync(find_site, request)
        async with Workshop(site) as workshop, site.locks.update():
            roster = Roster(site, lambda _line: None)
            await roster.open()
            if not roster.keepers:
                raise Fatal(f"nothing of this project is installed in {site.prefix}: run `uvwatch sync`")
            await learn_all(roster.keepers.values(), workshop)
            explainer = _Explainer(roster)
            found = [await to_thread.run_sync(explainer.explain, path) for path in paths]
    if stop.signal is not None:
        raise Fatal("stopped before all was explained", exit_code=128 + stop.signal)
    out = OutLines(sink_of(sys.stdout))
    with suppress(StdoutClosed):
        for path, each in zip(paths, found, strict=True):
            if isinstance(each, str):
                logs.print_error(escaped(f"uvwatch: {path}: {each}"))
                if as_json:
                    out.line(to_line(unknown_object(path, each)))
            else:
                for line in [to_line(explained_object(each))] if as_json else explained_lines(each):
                    out.line(line)
    return not any(isinstance(each, str) for each in found)


class _Explainer:
    """Explains paths by what one roster knows; what is asked of a distribution as a whole is asked once."""

    def __init__(self, roster: Roster) -> None:
        self._site = roster.site
        self._keepers = tuple(roster.keepers.values())
        self._known = {keeper.name: _known(keeper) for keeper in self._keepers}
        self._ignores = {keeper.name: GitIgnores(keeper.distribution.root) for keeper in self._keepers}
        self._left_out: Mapping[str, tuple[LeftOut, ...]] = {each.name: left_out(each) for each in self._keepers}

    def explain(self, typed: str) -> Explained | str:
        """Explain a path as typed, relative to the working directory; a sentence where nothing is known of it."""
        if not typed:
            return "an empty path names nothing"
        path = os.path.abspath(typed)  # noqa: PTH100 - resolve() would follow symbolic links
        # Directories that are links are seen through; the last part is what is asked about, link or not.
        place = str(Path(os.path.realpath(Path(path).parent), Path(path).name))
        if is_below(place, os.path.realpath(self._site.prefix)):
            return self._in_environment(place)
        # The real path is asked last: a link in the tree is the tree's, whatever it leads to.
        for each in dict.fromkeys((path, place, os.path.realpath(path))):
            owners = [keeper for keeper in self._keepers if is_below(each, keeper.distribution.root)]
            if owners:
                return self._in_tree(max(owners, key=lambda keeper: len(keeper.distribution.root)), each)
        roots = ", ".join(keeper.distribution.root for keeper in self._keepers)
        if not os.path.lexists(path):
            return "no such file"
        return f"it lies outside of every local distribution ({roots}) and of the environment"

    def _in_tree(self, keeper: Keeper, absolute: str) -> Explained | str:
        root = keeper.distribution.root
        path = "" if absolute == root else os.path.relpath(absolute, root)
        if os.path.isdir(absolute):  # noqa: PTH112
            return self._directory(keeper, path)
        if not os.path.lexists(absolute):
            return self._gone(keeper, path) or "no such file"
        if absolute == str(self._site.lock_file):
            return Explained(
                path=self._named(absolute),
                role=Role.BUILD_INPUT,
                rule="uv.lock says what else is installed",
                distribution=keeper.name,
                on_change="`uv sync --locked --inexact` brings the environment to it",
            )
        if inside := _environment_above(root, path):
            return Explained(
                path=self._named(absolute),
                role=Role.IGNORED,
                rule=f"{inside} is an environment (it holds pyvenv.cfg)",
                distribution=keeper.name,
            )
        return self._file(keeper, path)

    def _named(self, absolute: str) -> str:
        """A path as it is told: relative to the project."""
        project = str(self._site.workspace.project)
        base = project if is_below(absolute, project) else os.path.realpath(project)
        return os.path.relpath(absolute, base)

    def _gone(self, keeper: Keeper, path: str) -> Explained | None:
        """Explain a file that the tree has no more, as long as something of it is installed; else None."""
        if keeper.learned is None:
            return None
        places = keeper.learned.origins.installed(path, keeper.copy.record)
        if not places:
            return None
        role, _rule, _places = role_of(path, self._known[keeper.name], git_ignored=self._git(keeper, path))
        return Explained(
            path=self._named(os.path.join(keeper.distribution.root, path)),  # noqa: PTH118 - text
            role=Role.ARTIFACT if role is Role.ARTIFACT else Role.SOURCE,
            rule="the tree has it no more, and RECORD still names what was installed of it",
            distribution=keeper.name,
            installed=places,
            fresh=False,
            on_change="nothing: the next update removes the installed copy",
        )

    def _file(self, keeper: Keeper, path: str) -> Explained:
        known = self._known[keeper.name]
        role, rule, places = role_of(path, known, git_ignored=self._git(keeper, path))
        if role is Role.BUILD_INPUT and (key := _input_key(keeper, rule)):
            rule = f"{rule} (pyproject.toml: {key})"
        if role is Role.NOT_IN_THE_WHEEL and path not in keeper.contents:
            rule = "no regular file of the tree: no build takes it up"
        effect = on_change(role, path, known)
        if (problem := _blocking(keeper, path)) is not None:
            rule, effect = problem, "nothing: no update is made as long as it is there"
        target = Path(keeper.distribution.root, path)
        files, now = keeper.wheel_files(), keeper.contents.get(path)
        return Explained(
            path=self._named(str(target)),
            role=role,
            rule=f"{rule}; it is a symbolic link to {target.readlink()}" if target.is_symlink() else rule,
            distribution=keeper.name,
            installed=places,
            fresh=all(files.get(place) == now for place in places) if places else None,
            on_change=effect,
            remedy=None if places else self._remedy(keeper, path),
        )

    def _remedy(self, keeper: Keeper, path: str) -> str | None:
        found = (each for each in self._left_out[keeper.name] if path in each.what.files or path == each.what.path)
        return next((each.carrying.sentence for each in found), None)

    def _git(self, keeper: Keeper, path: str) -> str:
        """Why git ignores a path, as a clause; empty if it does not."""
        parts = path.rstrip("/").split("/")
        names = [f"{name}/" for name in parts[:-1]] + [parts[-1] + ("/" if path.endswith("/") else "")]
        for number, name in enumerate(names):
            reason = self._ignores[keeper.name].reason("/".join(parts[:number]), name)
            if reason is not None:
                where = os.path.relpath(reason.path, keeper.distribution.root)
                return f"git ignores it ({where}: {reason.pattern})"
        return ""

    def _directory(self, keeper: Keeper, path: str) -> Explained:
        """Explain a directory by the files of it that are looked at."""
        named = self._named(os.path.normpath(os.path.join(keeper.distribution.root, path)))  # noqa: PTH118 - text
        inside = {each: None for each in keeper.contents if is_below(each, path)}
        if not inside:
            role, rule, _places = role_of(
                f"{path}/." if path else ".", self._known[keeper.name], git_ignored=self._git(keeper, f"{path}/")
            )
            if found := _environment_above(keeper.distribution.root, f"{path}/."):
                role, rule = Role.IGNORED, f"{found} is an environment (it holds pyvenv.cfg)"
            if role is not Role.IGNORED:
                role, rule = Role.NOT_IN_THE_WHEEL, "it holds no file"
            return Explained(path=named, role=role, rule=rule, distribution=keeper.name)
        files = [self._file(keeper, each) for each in inside]
        carried = [each for each in files if each.installed]
        roles = [each.role for each in carried or files]
        role = max(dict.fromkeys(roles), key=roles.count)
        states = [each.fresh for each in carried if each.fresh is not None]
        return Explained(
            path=named,
            role=role,
            rule=f"the last wheel carried {len(carried)} of its {len(files)} files"
            + (f"; {reason}" if path and (reason := self._git(keeper, f"{path}/")) else ""),
            distribution=keeper.name,
            installed=_tops(place for each in carried for place in each.installed),
            fresh=all(states) if states else None,
            on_change=next((each.on_change for each in files if each.role is role), "nothing"),
            remedy=next((each.remedy for each in files if each.remedy), None),
        )

    def _in_environment(self, absolute: str) -> Explained | str:
        """Explain what lies in the environment: one of a wheel's files by its source, a foreign one, another's."""
        if not os.path.lexists(absolute):
            return "no such file"
        for keeper in self._keepers:
            path = os.path.relpath(absolute, os.path.realpath(site_of(keeper.env, keeper.distribution)))
            recorded = keeper.copy.record
            if path in recorded or any(is_below(each, path) for each in recorded if not path.startswith("..")):
                return self._of_the_wheel(keeper, path, self._named(absolute))
            if any(is_below(path, package) for package in package_roots(recorded)):
                return Explained(
                    path=self._named(absolute),
                    role=Role.FOREIGN,
                    rule="it lies in the installed package, and RECORD does not name it",
                    distribution=keeper.name,
                    on_change=on_change(Role.FOREIGN, path, self._known[keeper.name]),
                )
        return Explained(
            path=self._named(absolute),
            role=Role.IGNORED,
            rule="it lies in the environment, and no local distribution's RECORD names it",
        )

    def _of_the_wheel(self, keeper: Keeper, path: str, named: str) -> Explained:
        source = None
        if keeper.learned is not None and path in keeper.copy.record:
            source = keeper.learned.origins.source(path, keeper.contents)
        elif keeper.learned is not None:
            source = next((s for rule in keeper.learned.origins.rules if (s := rule.backward(path)) is not None), None)
            if source is not None and Path(keeper.distribution.root, source).is_dir():
                return self._directory(keeper, source)
            source = None
        if source is not None:
            return self._file(keeper, source)
        if keeper.learned is not None and path not in keeper.learned.wheel and not in_dist_info(path):
            before = (s for rule in keeper.learned.origins.rules if (s := rule.backward(path)) is not None)
            found = (self._gone(keeper, each) for each in before)
            return next((each for each in found if each is not None), _extra(keeper, path, named))
        return Explained(
            path=named,
            role=Role.SOURCE if keeper.distribution.editable else Role.BUILD_INPUT,
            rule="RECORD names it, and no file of the tree has its bytes: the build, or the installer, makes it",
            distribution=keeper.name,
            installed=(path,),
            on_change="nothing: it is made anew by the next update",
        )


def _extra(keeper: Keeper, path: str, named: str) -> Explained:
    return Explained(
        path=named,
        role=Role.SOURCE,
        rule="RECORD names it, and a wheel of the tree has it no more",
        distribution=keeper.name,
        installed=(path,),
        fresh=False,
        on_change="nothing: the next update removes it",
    )


def _blocking(keeper: Keeper, path: str) -> str | None:
    """What is wrong with a file that no build gets past, as a clause; None if nothing is."""
    try:
        keeper.require_buildable()
    except CycleFailed as error:
        return next((each.what for each in keeper.problems if each.path == path == error.path), None)
    return None


def _known(keeper: Keeper) -> Known:
    root = Path(keeper.distribution.root)
    project = table(read_if_there(root / "pyproject.toml") or {}, "project")
    return Known(
        rules=keeper.rules,
        learned=None if keeper.distribution.editable else keeper.learned,
        build_inputs=declared_by(keeper.distribution).build_inputs,
        editable=keeper.distribution.editable,
        by_uv=keeper.site.config.installer is Installer.UV,
        dynamic=bool(project.get("dynamic")) if project else True,
        hatch_toml=frozenset(read_if_there(root / "hatch.toml") or ()),
    )


def _input_key(keeper: Keeper, rule: str) -> str | None:
    pyproject = read_if_there(Path(keeper.distribution.root, "pyproject.toml"))
    return None if pyproject is None else input_key(pyproject, rule.partition(": ")[2])


def _environment_above(root: str, path: str) -> str:
    """The topmost directory above a path that is an environment, relative to the root; empty if there is none."""
    parts = path.split("/")[:-1]
    tops = ("/".join(parts[: number + 1]) for number in range(len(parts)))
    return next((each for each in tops if Path(root, each, "pyvenv.cfg").exists()), "")


def _tops(places: Iterable[str]) -> tuple[str, ...]:
    """The topmost directories that hold these places, as few as tell: their common one, or each of its children."""
    found = sorted(set(places))
    if len(found) < 2:  # noqa: PLR2004 - one place is told as it is
        return tuple(found)
    common = os.path.commonpath(found)
    if common:
        return (f"{common}/",)
    parts = (each.partition("/") for each in found)
    return tuple(dict.fromkeys(top + slash for top, slash, _rest in parts))
