"""The small projects of tests/projects, one for each way to build a wheel, and the edits that show what a way is like.

Data, and how a tree is laid out and edited; it must not know uvwatch, uv's commands, or what an edit leads to.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PROJECTS = Path(__file__).resolve().parent.parent / "tests" / "projects"

_GIT = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
_WHO = ("-c", "user.name=torture", "-c", "user.email=torture@localhost")


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One edit of a file: ``old`` becomes ``new`` in it; without ``old`` it is written; without ``new`` removed."""

    path: str
    old: str = ""
    new: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A project: what it shows, where its package lies, and the edits that differ from the usual ones.

    Attributes:
        name: of its directory and, with ``_`` for ``-``, of its package.
        shows: the backend and its settings, for a table.
        package: the directory of the package's sources.
        added, removed, changed, metadata: the edits of that kind; each kind is one save of all its files.
        inputs: edits of files that shape the wheel, each a save of its own.
        needs: a program without which it cannot be built.
        repository: whether its backend asks git, so that it has to be in a repository of its own.
        not_editable: why it cannot be installed editable, where the backend refuses.
    """

    name: str
    shows: str
    package: str
    inputs: tuple[Edit, ...]
    changed: tuple[Edit, ...] = ()
    added: tuple[Edit, ...] = ()
    removed: tuple[Edit, ...] = ()
    metadata: tuple[Edit, ...] = (Edit(path="pyproject.toml", old='"first"', new='"second"'),)
    needs: str = ""
    repository: bool = False
    not_editable: str = ""

    @property
    def steps(self) -> tuple[tuple[str, tuple[Edit, ...]], ...]:
        """The edits of a round in their order, each with its kind: a column of the table."""
        package = self.package
        return (
            ("changed", self.changed or (Edit(path=f"{package}/__init__.py", old="one", new="two"),)),
            ("added", self.added or (Edit(path=f"{package}/added.html", new="<p>added</p>\n"),)),
            *(("build input", (each,)) for each in self.inputs),
            ("removed", self.removed or (Edit(path=f"{package}/gone.py"),)),
            ("metadata", self.metadata),
        )

    @property
    def metadata_again(self) -> tuple[Edit, ...]:
        """The edits of metadata once more, with other words: for the install that is editable by then."""
        return tuple(
            Edit(path=each.path, old=each.new, new=each.new.replace("second", "third")) for each in self.metadata
        )


_PYTHON = "{}/added.py"

SAMPLES: tuple[Sample, ...] = (
    Sample(
        name="hatch-plain",
        shows="hatchling, `src/`",
        package="src/hatch_plain",
        inputs=(Edit(path="LICENSE", old="one", new="two"), Edit(path="README.md", old="one", new="two")),
        metadata=(Edit(path="pyproject.toml", old="hatch-plain = ", new="hatch-second = "),),
    ),
    Sample(
        name="hatch-shared",
        shows="hatchling: `sources` that rename, `force-include`, `shared-data`",
        package="lib/core",
        inputs=(
            Edit(path="tables/a.csv", old="one", new="two"),
            Edit(path="tables/b.csv", new="added\n"),
            Edit(path="man/hatch-shared.1", old="one", new="two"),
        ),
        not_editable="hatchling refuses it where `sources` rename",
    ),
    Sample(
        name="hatch-hook",
        shows="hatchling: a hook that renders a template",
        package="hatch_hook",
        inputs=(
            Edit(path="templates/greeting.txt", old="one", new="two"),
            Edit(path="templates/second.txt", new="added\n"),
            Edit(path="hatch_build.py", old='"one"', new='"two"'),
        ),
    ),
    Sample(
        name="hatch-version",
        shows="hatchling with hatch-vcs: version and version file from git",
        package="src/hatch_version",
        inputs=(Edit(path="pyproject.toml", old="_version.py", new="_made.py"),),
        repository=True,
    ),
    Sample(
        name="setuptools-data",
        shows="setuptools, flat: `package-data`, `MANIFEST.in`",
        package="setuptools_data",
        inputs=(
            Edit(path="MANIFEST.in", old="*.txt", new="*.txt *.rst"),
            Edit(path="MANIFEST.in", old="*.txt *.rst", new="*.rst"),
        ),
    ),
    Sample(
        name="setuptools-src",
        shows="setuptools, `src/`: version and readme read from files",
        package="src/setuptools_src",
        inputs=(
            Edit(path="README.md", old="one", new="two"),
            Edit(path="src/setuptools_src/about.py", old="1.0", new="1.1"),
        ),
    ),
    Sample(
        name="setuptools-c",
        shows="setuptools: a C extension",
        package="setuptools_c",
        inputs=(
            Edit(path="setuptools_c/fast.c", old="VALUE * 1", new="VALUE * 2"),
            Edit(path="setuptools_c/fast.h", old="VALUE 1", new="VALUE 3"),
        ),
        added=(Edit(path=_PYTHON.format("setuptools_c"), new="ADDED = True\n"),),
        needs="cc",
    ),
    Sample(
        name="setuptools-cython",
        shows="setuptools: Cython",
        package="src/setuptools_cython",
        inputs=(Edit(path="src/setuptools_cython/fast.pyx", old="return 1", new="return 2"),),
        added=(Edit(path=_PYTHON.format("src/setuptools_cython"), new="ADDED = True\n"),),
        needs="cc",
    ),
    Sample(
        name="setuptools-git",
        shows="setuptools with setuptools-scm: version, version file and file list from git",
        package="src/setuptools_git",
        inputs=(Edit(path="pyproject.toml", old="_version.py", new="_made.py"),),
        added=(Edit(path=_PYTHON.format("src/setuptools_git"), new="ADDED = True\n"),),
        repository=True,
    ),
    Sample(
        name="uv-data",
        shows="uv_build: `data`",
        package="src/uv_data",
        inputs=(
            Edit(path="shared/share/uv-data/one.txt", old="one", new="two"),
            Edit(path="programs/uv-data.sh", old="one", new="two"),
        ),
    ),
    Sample(
        name="flit-dynamic",
        shows="flit: version and description from the module, `external-data`",
        package="flit_dynamic",
        inputs=(
            Edit(path="README.md", old="one", new="two"),
            Edit(path="data/share/flit-dynamic/one.txt", old="one", new="two"),
        ),
        metadata=(Edit(path="flit_dynamic/__init__.py", old="first", new="second"),),
    ),
    Sample(
        name="pdm-script",
        shows="pdm-backend: a build script that renders a template",
        package="src/pdm_script",
        inputs=(
            Edit(path="templates/greeting.txt", old="one", new="two"),
            Edit(path="templates/second.txt", new="added\n"),
            Edit(path="pdm_build.py", old='"one"', new='"two"'),
        ),
    ),
    Sample(
        name="poetry-include",
        shows="poetry-core: `include` of git-ignored files",
        package="src/poetry_include",
        inputs=(
            Edit(path="src/poetry_include/generated/one.json", old="1", new="2"),
            Edit(path="src/poetry_include/generated/two.json", new="{}\n"),
        ),
        repository=True,
    ),
    Sample(
        name="scikit-cmake",
        shows="scikit-build-core: CMake, C, a configured file, `build-dir` in the tree",
        package="src/scikit_cmake",
        inputs=(
            Edit(path="src/fast.c", old="VALUE * 1", new="VALUE * 2"),
            Edit(path="src/fast.h", old="VALUE 1", new="VALUE 3"),
            Edit(path="src/config.py.in", old="VALUE =", new="SECOND ="),
            Edit(path="CMakeLists.txt", old="VALUE one", new="VALUE two"),
        ),
        needs="cc",
    ),
    Sample(
        name="meson-plain",
        shows="meson-python: C",
        package="meson_plain",
        inputs=(
            Edit(path="meson_plain/fast.c", old="VALUE * 1", new="VALUE * 2"),
            Edit(path="meson_plain/fast.h", old="VALUE 1", new="VALUE 3"),
            Edit(path="meson.build", old="'meson_plain/page.html', ", new=""),
        ),
        added=(
            Edit(path="meson_plain/added.py", new="ADDED = True\n"),
            Edit(path="meson.build", old="'meson_plain/gone.py'", new="'meson_plain/gone.py', 'meson_plain/added.py'"),
        ),
        removed=(
            Edit(path="meson_plain/gone.py"),
            Edit(path="meson.build", old="'meson_plain/gone.py', ", new=""),
        ),
        needs="cc",
        repository=True,
    ),
    Sample(
        name="maturin-bin",
        shows="maturin: a Rust program, `include` of git-ignored files",
        package="python/maturin_bin",
        inputs=(
            Edit(path="src/main.rs", old="one", new="two"),
            Edit(path="python/maturin_bin/generated/one.json", old="1", new="2"),
        ),
        needs="cargo",
        repository=True,
    ),
    Sample(
        name="in-tree",
        shows="a backend of its own (`backend-path`) around flit",
        package="src/in_tree",
        inputs=(Edit(path="backend/own.py", old="'one'", new="'two'"),),
    ),
)


def lay_out(sample: Sample, root: Path, environ: Mapping[str, str]) -> None:
    """Copy a project to ``root``, which must not exist, and make it a git repository where its backend asks git.

    ``gitignore`` of the sample becomes ``.gitignore`` in the copy: the repository that holds the samples need not heed
    it.
    """
    shutil.copytree(PROJECTS / sample.name, root, ignore=shutil.ignore_patterns("__pycache__", "uv.lock", ".venv"))
    if (root / "gitignore").exists():
        (root / "gitignore").rename(root / ".gitignore")
    if sample.repository:
        for words in (("init", "--quiet"), ("add", "."), (*_WHO, "commit", "--quiet", "-m", "one"), ("tag", "v1.0")):
            subprocess.run(["git", *words], cwd=root, env={**environ, **_GIT}, check=True)  # noqa: S607 - the user's git


def apply(edit: Edit, root: Path) -> None:
    """Do an edit; a file appears at once, as editors do it, and keeps its mode.

    Raises:
        ValueError: the file does not hold what is to be replaced.
    """
    path = root / edit.path
    if not edit.new and not edit.old:
        path.unlink()
        return
    before = path.read_text(encoding="utf-8") if edit.old else ""
    if edit.old not in before:
        raise ValueError(f"{path} does not hold {edit.old!r}")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(before.replace(edit.old, edit.new) if edit.old else edit.new, encoding="utf-8")
    if edit.old:
        shutil.copymode(path, partial)
    partial.replace(path)
