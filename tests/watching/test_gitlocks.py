import subprocess
from pathlib import Path

import pytest

from uvwatch.watching.gitlocks import GitLocks, git_directory


def git(*arguments: str, cwd: Path) -> None:
    who = ("-c", "user.name=x", "-c", "user.email=x@example.org")
    subprocess.run(["git", *who, *arguments], cwd=cwd, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "main"
    (root / "deep" / "tree").mkdir(parents=True)
    (root / "deep" / "tree" / "a").touch()
    git("init", "--quiet", cwd=root)
    git("add", ".", cwd=root)
    git("commit", "--quiet", "-m", "a", cwd=root)
    return root


def test_the_lock_of_the_repository_that_a_tree_lies_in_is_found(repository: Path) -> None:
    tree = repository / "deep" / "tree"
    assert GitLocks().held([tree]) == ()
    (repository / ".git" / "index.lock").touch()

    (held,) = GitLocks().held([tree, repository])

    assert held.path == repository / ".git" / "index.lock"


def test_a_worktree_has_an_index_of_its_own(repository: Path, tmp_path: Path) -> None:
    beside = tmp_path / "beside"
    git("worktree", "add", "--quiet", str(beside), cwd=repository)
    lock = repository / ".git" / "worktrees" / "beside" / "index.lock"
    assert git_directory(beside / ".git") == lock.parent
    lock.touch()

    assert [held.path for held in GitLocks().held([beside / "deep"])] == [lock]
    assert GitLocks().held([repository]) == ()


def test_a_submodule_says_where_it_is_by_a_relative_path(repository: Path, tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    outer.mkdir()
    git("init", "--quiet", cwd=outer)
    git("-c", "protocol.file.allow=always", "submodule", "add", "--quiet", str(repository), "inner", cwd=outer)

    assert git_directory(outer / "inner" / ".git").resolve() == (outer / ".git" / "modules" / "inner").resolve()


def test_a_repository_above_that_cannot_be_looked_into_locks_nothing(repository: Path) -> None:
    # As one of root's alone; this one even root cannot enter.
    (repository / "deep" / ".git").symlink_to(".git")
    tree = repository / "deep" / "tree"
    assert GitLocks().held([tree]) == ()
    (repository / ".git" / "index.lock").touch()

    assert [held.path for held in GitLocks().held([tree])] == [repository / ".git" / "index.lock"]


def test_a_lock_that_was_given_up_counts_again_once_it_is_another(repository: Path) -> None:
    locks, lock = GitLocks(), repository / ".git" / "index.lock"
    lock.touch()
    locks.give_up(locks.held([repository]))
    assert locks.held([repository]) == ()
    beside = lock.with_name("index.other")
    beside.write_text("new")

    beside.replace(lock)

    assert len(locks.held([repository])) == 1
