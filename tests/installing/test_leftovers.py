import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from uvwatch.installing.leftovers import Cleanup, forget_file_lists, names, purge, remove


def write(root: Path, paths: Iterable[str]) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(path)


def files(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if not path.is_dir())


def git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A git repository that ignores ``*.gen`` and ``build/``."""
    root = tmp_path / "tree"
    write(root, ["src/app.py"])
    (root / ".gitignore").write_text("*.gen\nbuild/\n")
    git(root, "init", "-q")
    git(root, "add", ".")
    return root


def test_names_are_relative_and_say_what_is_a_directory(tree: Path) -> None:
    write(tree, ["node_modules/x", ".venv/pyvenv.cfg", ".venv/lib/x", "src/__pycache__/x.pyc"])
    (tree / "link").symlink_to("src")
    expected = {".gitignore", "src/", "src/app.py", "src/__pycache__/", ".venv/", "link"}
    assert names(str(tree)) == expected


def test_a_tree_that_is_not_there_has_no_names(tmp_path: Path) -> None:
    assert names(str(tmp_path / "none")) == frozenset()


def test_what_setuptools_leaves_is_deleted(tree: Path, tmp_path: Path) -> None:
    before = names(str(tree))
    left = [
        "build/lib/app.py",
        "build/bdist.linux-x86_64/x",
        "src/app.egg-info/PKG-INFO",
        ".eggs/x",
        "src/__pycache__/x",
    ]
    write(tree, left)
    done = remove(str(tree), before, tmp_path / "aside")
    assert done == Cleanup(deleted=(".eggs/", "build/", "src/__pycache__/", "src/app.egg-info/"))
    assert done
    assert names(str(tree)) == before
    assert not (tmp_path / "aside").exists()


def test_what_was_there_before_the_build_stays(tree: Path, tmp_path: Path) -> None:
    write(tree, ["build/lib/old.py", "app.egg-info/PKG-INFO", "x.gen"])
    before = names(str(tree))
    assert not remove(str(tree), before, tmp_path / "aside")
    assert names(str(tree)) == before


def test_a_build_directory_that_is_not_setuptools_is_not_deleted_but_moved_where_git_ignores_it(
    tree: Path, tmp_path: Path
) -> None:
    before = names(str(tree))
    write(tree, ["build/index.html", "build/lib/x.js"])
    done = remove(str(tree), before, tmp_path / "aside")
    assert done == Cleanup(moved=("build/index.html", "build/lib/x.js"))
    assert files(tmp_path / "aside") == ["build/index.html", "build/lib/x.js"]
    assert names(str(tree)) == before


def test_new_ignored_files_are_moved_aside_and_never_over_one_that_is_there(tree: Path, tmp_path: Path) -> None:
    before = names(str(tree))
    for text in ("first", "second"):
        (tree / "src" / "version\n.gen").write_text(text)
        assert remove(str(tree), before, tmp_path / "aside").moved == ("src/version\n.gen",)
    assert (tmp_path / "aside/src/version\n.gen").read_text() == "first"
    assert (tmp_path / "aside/src/version\n.gen.1").read_text() == "second"


def test_of_what_each_build_leaves_anew_the_first_few_and_the_newest_are_kept(tree: Path, tmp_path: Path) -> None:
    before = names(str(tree))
    for number in range(15):
        (tree / "x.gen").write_text(str(number))
        assert remove(str(tree), before, tmp_path / "aside").moved == ("x.gen",)
    kept = [(tmp_path / "aside" / name).read_text() for name in files(tmp_path / "aside")]
    assert kept == [*map(str, range(9)), "14"]


def test_git_is_asked_about_the_tree_whatever_repository_a_hook_of_it_works_in(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = names(str(tree))
    write(tree, ["x.gen"])
    monkeypatch.setenv("GIT_DIR", ".nothing")  # as git sets it for its hooks, relative to where it began
    assert remove(str(tree), before, tmp_path / "aside").moved == ("x.gen",)


def test_what_is_left_again_with_the_same_bytes_is_kept_once(tree: Path, tmp_path: Path) -> None:
    before = names(str(tree))
    for _ in range(3):
        write(tree, ["x.gen"])
        assert remove(str(tree), before, tmp_path / "aside").moved == ("x.gen",)
    assert files(tmp_path / "aside") == ["x.gen"]


OF_SETUPTOOLS = ("build/bdist.linux-x86_64/x", "build/lib/app/a.py", "build/temp.linux/a.o")


def test_the_copies_that_setuptools_made_go_and_what_a_compiler_made_stays(tree: Path) -> None:
    native = "build/lib.linux-x86_64-cpython-311/app/fast.cpython-311.so"
    write(tree, [*OF_SETUPTOOLS, native, "build/lib.linux-x86_64-cpython-311/app/a.py"])
    assert purge(str(tree), compiled=False) == ("app/a.py",)
    left = ["build/bdist.linux-x86_64/x", native, "build/temp.linux/a.o"]
    assert files(tree / "build") == sorted(path.removeprefix("build/") for path in left)
    assert purge(str(tree), compiled=True) == ("app/fast.cpython-311.so",)
    assert purge(str(tree), compiled=True) == ()


@pytest.mark.parametrize(
    "further",
    [["build/index.html"], ["build/lib/tracked.py"]],
    ids=["something else lies beside", "git tracks one"],
)
def test_a_build_directory_that_may_be_somebodys_is_not_purged(tree: Path, further: list[str]) -> None:
    write(tree, [*OF_SETUPTOOLS, *further])
    if "tracked" in further[0]:
        git(tree, "add", "-f", *further)
    before = names(str(tree))
    assert purge(str(tree), compiled=True) == ()
    assert names(str(tree)) == before


def test_without_a_trace_of_a_wheel_a_lib_directory_is_somebodys(tree: Path) -> None:
    write(tree, ["build/lib/bundle.js"])
    assert purge(str(tree), compiled=True) == ()
    assert (tree / "build/lib/bundle.js").exists()


def test_a_build_directory_that_is_a_link_is_not_followed(tree: Path, tmp_path: Path) -> None:
    write(tmp_path / "elsewhere", OF_SETUPTOOLS)
    (tree / "build").symlink_to(tmp_path / "elsewhere" / "build")
    assert purge(str(tree), compiled=True) == ()
    assert (tmp_path / "elsewhere" / OF_SETUPTOOLS[1]).exists()


LISTS = ["app.egg-info/SOURCES.txt", "src/app.egg-info/SOURCES.txt"]


def test_the_lists_of_files_for_earlier_wheels_are_forgotten(tree: Path) -> None:
    write(tree, [*LISTS, "app.egg-info/PKG-INFO"])
    forget_file_lists(str(tree))
    assert files(tree / "app.egg-info") == ["PKG-INFO"]
    assert files(tree / "src" / "app.egg-info") == []


def test_a_list_of_files_that_git_tracks_or_that_came_with_a_source_distribution_stays(tree: Path) -> None:
    write(tree, LISTS)
    git(tree, "add", "-f", LISTS[0])
    forget_file_lists(str(tree))
    assert (tree / LISTS[0]).exists()
    write(tree, [*LISTS, "PKG-INFO"])
    forget_file_lists(str(tree))
    assert (tree / LISTS[1]).exists()


def test_a_list_of_files_in_another_tree_that_a_link_leads_to_stays(tmp_path: Path) -> None:
    write(tmp_path, ["tree/setup.py", "other/other.egg-info/SOURCES.txt"])
    (tmp_path / "tree/vendored").symlink_to(tmp_path / "other")
    (tmp_path / "tree/other.egg-info").symlink_to(tmp_path / "other/other.egg-info")
    forget_file_lists(str(tmp_path / "tree"))
    assert (tmp_path / "other/other.egg-info/SOURCES.txt").exists()


def test_what_is_kept_stays_in_the_build_directory(tree: Path) -> None:
    write(tree, [*OF_SETUPTOOLS, "build/lib/app/bundle.js"])
    assert purge(str(tree), compiled=True, keep=lambda path: path == "build/lib/app/bundle.js") == ("app/a.py",)
    assert (tree / "build/lib/app/bundle.js").exists()


def test_files_that_git_does_not_ignore_or_tracks_or_that_are_kept_stay(tree: Path, tmp_path: Path) -> None:
    before = names(str(tree))
    write(tree, ["new.py", "tracked.gen", "app.egg-info/tracked", "static/a.gen"])
    git(tree, "add", "-f", "tracked.gen", "app.egg-info/tracked")
    after = names(str(tree))
    assert not remove(str(tree), before, tmp_path / "aside", keep=lambda path: path.startswith("static/"))
    assert names(str(tree)) == after


def test_outside_a_repository_only_known_leavings_go(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    write(root, ["app.py"])
    write(root, [".gitignore"])
    before = names(str(root))
    write(root, ["x.gen", "app.egg-info/x"])
    assert remove(str(root), before, tmp_path / "aside") == Cleanup(deleted=("app.egg-info/",))
    assert files(root) == [".gitignore", "app.py", "x.gen"]


def test_where_git_cannot_be_asked_nothing_goes(tree: Path, tmp_path: Path) -> None:
    before = names(str(tree))
    write(tree, ["x.gen", "app.egg-info/x"])
    (tree / ".git" / "HEAD").write_text("broken")
    after = names(str(tree))
    assert not remove(str(tree), before, tmp_path / "aside")
    assert names(str(tree)) == after


def test_what_cannot_be_moved_stays(tree: Path, tmp_path: Path) -> None:
    before = names(str(tree))
    write(tree, ["x.gen"])
    (tmp_path / "aside").write_text("a file in the way")
    assert not remove(str(tree), before, tmp_path / "aside")
    assert (tree / "x.gen").exists()
