"""git's opinion, against git itself."""

import os
import subprocess
from pathlib import Path

import pytest

from uvwatch.watching.ignores import GitIgnores, read

ISOLATED = {
    **os.environ,
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    "XDG_CONFIG_HOME": os.devnull,
}


def git(directory: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *words], cwd=directory, env=ISOLATED, text=True, capture_output=True, check=False)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with patterns at its top, in the project and in a package."""
    root = tmp_path / "repo" / "project"
    (root / "pkg" / "deep").mkdir(parents=True)
    assert git(tmp_path / "repo", "init", "-q").returncode == 0
    (tmp_path / "repo" / ".gitignore").write_bytes(b"*.log\r\n/project/out/\nshadowed.txt\n\n# words\n")
    (tmp_path / "repo" / ".git" / "info").mkdir(exist_ok=True)
    (tmp_path / "repo" / ".git" / "info" / "exclude").write_text("*.private\n")
    (root / ".gitignore").write_text("build/\n!shadowed.txt\n/only-here\n*.css\n")
    (root / "pkg" / ".gitignore").write_text("!keep.css\n/local\n")
    return root


CASES = [
    "a.log", "pkg/deep/a.log", "out/", "pkg/out/", "shadowed.txt", "pkg/shadowed.txt", "build/", "build", "pkg/build/",
    "only-here", "pkg/only-here", "a.css", "pkg/a.css", "pkg/keep.css", "pkg/deep/keep.css", "keep.css", "local",
    "pkg/local", "pkg/deep/local", "a.private", "pkg/a.py", "pkg/",
]  # fmt: skip


@pytest.mark.parametrize("path", CASES)
def test_the_opinion_is_gits_own(repository: Path, path: str) -> None:
    plain = path.rstrip("/")
    if path.endswith("/"):
        (repository / plain).mkdir(parents=True, exist_ok=True)
    expected = git(repository, "check-ignore", "-q", plain).returncode == 0
    directory, _, name = plain.rpartition("/")
    assert GitIgnores(str(repository)).ignored(directory, name + path[len(plain) :]) is expected


def test_a_worktree_takes_the_exclude_file_of_its_repository(repository: Path, tmp_path: Path) -> None:
    words = ("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "begin")
    assert git(repository, *words).returncode == 0
    assert git(repository, "worktree", "add", "-q", str(tmp_path / "tree")).returncode == 0
    assert GitIgnores(str(tmp_path / "tree")).ignored("", "a.private")


def test_without_a_repository_only_the_trees_own_files_count(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*.css\n")
    root = tmp_path / "project"
    root.mkdir()
    (root / ".gitignore").write_text("*.log\n")
    assert not GitIgnores(str(root)).ignored("", "a.css")
    assert GitIgnores(str(root)).ignored("", "a.log")


def test_a_root_inside_an_ignored_directory_is_not_ignored_as_a_whole(repository: Path) -> None:
    root = repository / "out" / "copy"
    root.mkdir(parents=True)
    (root / ".gitignore").write_text("*.mo\n")
    assert not GitIgnores(str(root)).ignored("", "a.py")
    assert GitIgnores(str(root)).ignored("", "a.mo")


def test_a_file_that_cannot_be_read_has_no_patterns(tmp_path: Path) -> None:
    assert read(str(tmp_path)) == ()
    assert read(str(tmp_path / "missing")) == ()
