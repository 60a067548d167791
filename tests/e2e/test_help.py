"""What a user gets who asks for help, or presses Tab."""

import re
from pathlib import Path

import pytest

from tests.e2e.conftest import COMMAND, Project

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
LINES = {
    shell: line.replace("\\|", "|")
    for shell, line in re.findall(r"^\| (bash|zsh|fish)\b.*\| `(.*_UVWATCH_COMPLETE=.*)` \|$", README, re.MULTILINE)
}


@pytest.fixture
def shell(tmp_path: Path, user: dict[str, str]) -> Project:
    """A directory without any project, and uvwatch on PATH."""
    return Project(root=tmp_path, env={**user, "PATH": f"{COMMAND.parent}:{user['PATH']}"}, prefix=tmp_path)


def test_help_fits_a_screen_and_names_the_commands_in_the_order_of_their_use(shell: Project) -> None:
    lines = shell.having(COLUMNS="80").uvwatch("--help").stdout.splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 80
    listed = lines[lines.index("Commands:") + 1 :]
    commands = [line.split()[0] for line in listed[: listed.index("")] if re.match(r"  \w", line)]
    assert commands[:2] == ["watch", "sync"]
    assert [line for line in listed if line.endswith("...")] == []
    for command in commands:
        told = shell.uvwatch(command, "--help").stdout
        assert re.search(rf"^ *Example: .*\buvwatch {command}\b", told, re.MULTILINE), command


def test_bash_completes_with_the_line_that_readme_gives(shell: Project) -> None:
    script = f"""
{LINES["bash"]}
complete_words() {{ COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _uvwatch_completion uvwatch "${{@: -1}}"
  echo "${{COMPREPLY[@]}}"; }}
complete_words uvwatch ""
complete_words uvwatch sy
complete_words uvwatch init v
complete_words uvwatch sync --time
complete -p uvwatch
"""
    done = shell.run("bash", "--norc", "-c", script, check=True)
    commands, some, value, option, registered = done.stdout.splitlines()
    assert commands.split()[:2] == ["watch", "sync"]
    assert (some, value, option) == ("sync", "vscode", "--timeout")
    assert registered.endswith(" uvwatch")


@pytest.mark.parametrize(
    ("name", "words", "word", "first"),
    [("zsh", "uvwatch sy", "1", "plain\nsync"), ("fish", "uvwatch", "sy", "plain,sync\t")],
)
def test_the_scripts_for_zsh_and_fish_ask_what_is_answered(
    shell: Project, name: str, words: str, word: str, first: str
) -> None:
    script = shell.having(_UVWATCH_COMPLETE=f"{name}_source").uvwatch().stdout
    assert f"_UVWATCH_COMPLETE={name}_complete" in script
    assert f"_UVWATCH_COMPLETE={name}_source uvwatch" in LINES[name]
    answer = shell.having(_UVWATCH_COMPLETE=f"{name}_complete", COMP_WORDS=words, COMP_CWORD=word).uvwatch().stdout
    assert answer.startswith(first)
