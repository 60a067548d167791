import re
from collections.abc import Callable
from pathlib import Path

import pytest
from honcho.environ import parse, parse_procfile

from uvwatch.errors import Fatal
from uvwatch.integrations.procfile import propose
from uvwatch.integrations.proposal import write
from uvwatch.project.workspace import Workspace

Texts = tuple[str, str]
Proposed = Callable[..., Texts]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(root=tmp_path, project=tmp_path, pyproject={}, root_pyproject={}, members=())


@pytest.fixture
def proposed(workspace: Workspace) -> Proposed:
    """Give what Procfile and .env should hold beside what they hold."""

    def texts(procfile: str | None = None, env: str | None = None) -> Texts:
        for name, text in (("Procfile", procfile), (".env", env)):
            if text is not None:
                (workspace.project / name).write_bytes(text.encode())
        first, second = propose(workspace)
        return first.after, second.after

    return texts


def test_where_there_is_nothing_both_files_are_made(proposed: Proposed) -> None:
    procfile, env = proposed()
    assert parse_procfile(procfile).processes == {"watch": "uvwatch watch"}
    assert parse(env) == {"UV_NO_EDITABLE": "1"}


def test_what_is_there_stays_byte_for_byte_before_what_is_added(proposed: Proposed) -> None:
    procfile, env = proposed("# mine\nweb: x $PORT\n\nworker: y", "# secrets\r\nA=1\r\n")
    assert procfile == "# mine\nweb: x $PORT\n\nworker: y\nwatch: uvwatch watch\n"
    assert env == "# secrets\r\nA=1\r\nUV_NO_EDITABLE=1\r\n"


@pytest.mark.parametrize(
    "command", ["uvwatch", "uvwatch watch", "exec .venv/bin/uvwatch -v watch", "cd x && exec uvwatch --settle 1"]
)
def test_a_process_that_watches_is_enough_whatever_it_is_called(proposed: Proposed, command: str) -> None:
    assert proposed(f"keep: {command}\n")[0] == f"keep: {command}\n"


@pytest.mark.parametrize("command", ["uvwatch sync && exec x", "npm run watch", "uvwatcher"])
def test_a_process_that_does_not_watch_is_not(proposed: Proposed, command: str) -> None:
    assert proposed(f"web: {command}\n")[0] == f"web: {command}\nwatch: uvwatch watch\n"


def test_a_name_that_is_taken_is_left_to_who_has_it(proposed: Proposed) -> None:
    assert proposed("watch: npm run watch\n")[0].endswith("\nuvwatch: uvwatch watch\n")
    with pytest.raises(Fatal, match=r"Procfile: the names watch and uvwatch are taken"):
        proposed("watch: a\nuvwatch: b\n")


@pytest.mark.parametrize("line", ["UV_NO_EDITABLE=", "export UV_NO_EDITABLE=0"])
def test_a_variable_that_is_set_stays_as_the_user_set_it(proposed: Proposed, line: str) -> None:
    assert proposed(env=f"{line}\n")[1] == f"{line}\n"


def test_a_process_that_is_there_twice_is_refused_as_honcho_would(proposed: Proposed) -> None:
    text = "web: a\nweb: b\n"
    with pytest.raises(AssertionError, match="unique"):
        parse_procfile(text)
    with pytest.raises(Fatal, match=r"Procfile: has two processes called web; rename one\. Nothing was changed"):
        proposed(text)


def test_a_file_that_is_not_text_is_refused_by_name(workspace: Workspace) -> None:
    (workspace.project / "Procfile").write_bytes(b"web: \xff\n")
    with pytest.raises(Fatal, match=re.escape(f"{workspace.project / 'Procfile'}: is not UTF-8 (byte 5)")):
        propose(workspace)
    (workspace.project / "Procfile").unlink()
    (workspace.project / ".env").mkdir()
    with pytest.raises(Fatal, match=r"\.env: cannot be read: Is a directory; nothing was changed"):
        propose(workspace)


def test_what_is_written_needs_no_second_writing_and_links_and_modes_stay(workspace: Workspace) -> None:
    real = workspace.project / "real"
    real.write_text("A=1\n", encoding="utf-8")
    real.chmod(0o600)
    (workspace.project / ".env").symlink_to(real)
    for proposal in propose(workspace):
        write(proposal)
    assert [proposal.changes for proposal in propose(workspace)] == [False, False]
    assert (workspace.project / ".env").readlink() == real
    assert real.read_text(encoding="utf-8") == "A=1\nUV_NO_EDITABLE=1\n"
    assert real.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in workspace.project.iterdir()) == [".env", "Procfile", "real"]
