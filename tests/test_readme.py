"""README.md and CHANGELOG.md say what the code does: settings, commands, options, warnings, lines, JSON, links."""

import json
import re
from collections.abc import Iterator
from datetime import datetime, timezone
from enum import Enum
from pathlib import Path
from typing import Any

import click
import pytest
import tomli

import uvwatch
from uvwatch.cli import cli
from uvwatch.core.config import KEYS, Key
from uvwatch.core.model import (
    Action,
    CycleFinished,
    CycleStarted,
    Distribution,
    Event,
    HoldEnded,
    HoldStarted,
    Outcome,
    Ready,
    Result,
    Stale,
    Stopped,
    Trigger,
    Warned,
    WarningCode,
    Why,
)
from uvwatch.core.phase import Phase
from uvwatch.errors import FailureKind
from uvwatch.serving.check import CheckedDistribution, CheckReport, check_object
from uvwatch.serving.jsonlines import event_object
from uvwatch.serving.lines import lines_of
from uvwatch.serving.protocol import HOLD
from uvwatch.serving.status import Status, status_object

TOP = Path(__file__).resolve().parent.parent
DOCUMENTS = {name: (TOP / name).read_text(encoding="utf-8") for name in ("README.md", "CHANGELOG.md")}
README = DOCUMENTS["README.md"]

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INVOCATION = re.compile(r"(?:^|(?<=[\s(]))uvwatch((?: +[^\s&|;)]+)*)", re.MULTILINE)
EXAMPLE_PLACES = re.compile(r"/(app|home/me)\b")
"""Where the examples of README play."""

NOW = datetime(2026, 1, 31, tzinfo=timezone.utc)
MYAPP = Distribution(name="myapp", version="1", root="/home/me/myapp", editable=False, dist_info="myapp-1.dist-info")
DONE = Result(name="myapp", action=Action.REINSTALL, reason="")


def finished(outcome: Outcome) -> CycleFinished:
    return CycleFinished(cycle=1, outcome=outcome, duration_ms=1, results=(DONE,))


EVENTS: tuple[Event, ...] = (
    CycleStarted(cycle=1, trigger=Trigger.START),
    finished(Outcome.UPDATED),
    Ready(version="", project="", environment="", pid=1, distributions=(MYAPP,), directories=1, backend=""),
    Warned(code=WarningCode.EDITABLE_FLIP, message="", remedy=""),
    HoldStarted(command=()),
    HoldEnded(command=()),
    Stopped(),
)
STATUS = Status(
    version="",
    pid=1,
    environment="",
    phase=Phase.IDLE,
    since=NOW,
    fresh=True,
    cycle=1,
    last=event_object(EVENTS[1], NOW),
    failed=None,
    holds=((1, ()),),
    distributions=(MYAPP,),
    directories=1,
    backend="",
)
REPORT = CheckReport(
    fresh=False,
    environment="",
    distributions=(
        CheckedDistribution(
            name="myapp", root="", editable=False, fresh=False, stale=(Stale(path="", source=None, why=Why.EXTRA),)
        ),
    ),
)


def section(heading: str) -> str:
    """Give what stands below a heading, up to the next one of its level or above."""
    _, found, rest = README.partition(f"\n{heading}\n")
    assert found, f"README has no heading {heading!r}"
    level = heading.index(" ")
    return re.split(rf"^#{{1,{level}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def tables(text: str) -> list[list[list[str]]]:
    """Give the cells of each table, row by row, without its head."""
    blocks = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    return [
        [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in block.splitlines()[2:]]
        for block in blocks
    ]


def in_code(cell: str) -> list[str]:
    """Give what a cell has in code."""
    return [word.replace("\\|", "|") for word in re.findall(r"`([^`]+)`", cell)]


def long_options(cell: str) -> set[str]:
    return {word.split()[0] for word in in_code(cell) if word.startswith("--")}


def shown_options(command: click.Command) -> set[str]:
    """Give the long options that a command's help shows."""
    return {
        option
        for parameter in command.get_params(click.Context(command))
        if isinstance(parameter, click.Option) and not parameter.hidden
        for option in (*parameter.opts, *parameter.secondary_opts)
        if option.startswith("--")
    }


def invocations(text: str) -> Iterator[list[str]]:
    """Give the words after each ``uvwatch`` that stands as a command in a block or in running text."""
    running = [code.replace("\\|", "|") for code in re.findall(r"`([^`\n]+)`", BLOCK.sub("", text))]
    for code in (*running, *(block for _, block in BLOCK.findall(text))):
        for words in INVOCATION.findall(code):
            yield words.split()


def keys_of(value: Any) -> Any:
    """Give the shape of a JSON value: its keys, at every level that holds any."""
    if isinstance(value, dict):
        return {key: keys_of(each) for key, each in value.items()}
    return [keys_of(each) for each in value if isinstance(each, dict)] if isinstance(value, list) else None


def slug(heading: str) -> str:
    """Give the anchor of a heading (GitHub's rule: lower case, spaces as hyphens, other punctuation left out)."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


COMMANDS = {
    name: command
    for context in [click.Context(cli)]
    for name in cli.list_commands(context)
    if (command := cli.get_command(context, name)) is not None
}
COMMON = shown_options(cli)
BY_SETTING = {key.option for key in KEYS if key.scalar}


def test_the_table_of_settings_names_every_setting_in_order() -> None:
    [table] = tables(section("## Configuration"))
    assert [in_code(row[0]) for row in table] == [[key.name] for key in KEYS]


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.name)
def test_the_table_of_settings_gives_the_default_and_every_choice(key: Key) -> None:
    [table] = tables(section("## Configuration"))
    default, meaning = next(row[1:] for row in table if row[0] == f"`{key.name}`")
    if key.default is None:
        assert default
        assert "`" not in default
    else:
        wanted = key.default.value if isinstance(key.default, Enum) else key.default
        [shown] = in_code(default)
        assert tomli.loads(f"value = {shown}") == {"value": list(wanted) if isinstance(wanted, tuple) else wanted}
    assert {f'"{choice.value}"' for choice in key.choices or ()} <= set(in_code(meaning))


def test_every_variable_in_readme_sets_something() -> None:
    named = set(re.findall(r"(?<!_)UVWATCH_[A-Z_]*[A-Z]", README))
    assert named
    assert named <= {key.variable for key in KEYS} | {HOLD}


def test_the_table_of_commands_names_every_command() -> None:
    table = tables(section("## Commands"))[0]
    named = [words.split()[1] for row in table for words in in_code(row[0]) if words != "uvwatch"]
    assert sorted(set(named)) == sorted(name for name, command in COMMANDS.items() if not command.hidden)


def test_the_tables_of_options_name_every_option_of_each_command() -> None:
    common, by_setting, of_watch, of_sync, of_once, of_events, of_init = tables(section("### Options"))
    watch, sync = COMMANDS["watch"], COMMANDS["sync"]
    assert set().union(*(long_options(row[0]) for row in common)) == COMMON
    of = {
        position: set().union(*(long_options(row[0]) for row in by_setting if row[position] == "yes"))
        for position in (1, 2)
    }
    alone = {
        name: set().union(*(long_options(row[0]) for row in table))
        for name, table in (("watch", of_watch), ("check", of_once), ("events", of_events), ("init", of_init))
    }
    assert COMMON - {"--version"} | of[1] | alone["watch"] == shown_options(watch)
    own = set().union(*(long_options(row[0]) for row in (*of_sync, *of_once)))
    assert COMMON - {"--version"} | of[2] | own == shown_options(sync)
    assert not own & of[2]
    for name in COMMANDS.keys() - {"watch", "sync"}:
        assert shown_options(COMMANDS[name]) == COMMON - {"--version"} | alone.get(name, set())
    assert of[1] | of[2] == BY_SETTING


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_command_line_in_a_document_can_be_typed(name: str) -> None:
    typed = list(invocations(DOCUMENTS[name]))
    assert typed
    for words in typed:
        command: click.Command = cli
        for word in words[: words.index("--")] if "--" in words else words:
            if word.startswith("-"):
                named = word.partition("=")[0]
                known = shown_options(command) | {"-v", "-vv", "-q", "-h"}
                assert named in known, f"uvwatch {' '.join(words)}"
            elif command is cli:
                assert word in COMMANDS, f"uvwatch {' '.join(words)}"
                command = COMMANDS[word]


def test_every_command_is_shown_in_use() -> None:
    assert {words[0] for words in invocations(README) if words} >= set(COMMANDS)


def test_the_table_of_warnings_names_those_that_the_code_can_give() -> None:
    sources = [path for path in Path(uvwatch.__file__).parent.rglob("*.py") if path.name != "model.py"]
    used = {name for path in sources for name in re.findall(r"\bWarningCode\.([A-Z_]+)", path.read_text("utf-8"))}
    [table] = tables(section("## Warnings"))
    assert sorted(word for row in table for word in in_code(row[0])) == sorted(WarningCode[name].value for name in used)


def test_the_patterns_in_readme_find_the_lines_that_are_printed() -> None:
    begin, end = (re.compile(in_code(row[1])[0]) for row in tables(section("## What it prints"))[0][:2])
    assert begin.search(lines_of(EVENTS[0])[-1].text)
    for outcome in Outcome:
        assert end.search(lines_of(finished(outcome))[-1].text)


def test_the_first_example_is_a_life_of_cycles_with_one_begin_and_one_end_line_each() -> None:
    example = BLOCK.findall(README)[0][1]
    words = re.findall(r"^uvwatch: (\w+)", example, re.MULTILINE)
    ends = [outcome.value for outcome in Outcome]
    story = " ".join("end" if word in ends else word for word in words)
    assert re.fullmatch(r"updating end ready(?: updating end)+ stopped", story)
    assert set(ends) <= set(words)


def test_the_json_examples_have_the_keys_that_are_printed() -> None:
    [lines] = [block for language, block in BLOCK.findall(README) if language == "jsonl"]
    report, status = [block for language, block in BLOCK.findall(README) if language == "json"]
    shown = [json.loads(line) for line in lines.splitlines()]
    printed = [event_object(event, NOW) for event in EVENTS]
    assert [example["event"] for example in shown] == [real["event"] for real in printed]
    assert [keys_of(example) for example in shown] == [keys_of(real) for real in printed]
    assert keys_of(json.loads(report)) == keys_of(check_object(REPORT))
    assert keys_of(json.loads(status)) == keys_of(status_object(STATUS))
    assert {phase.value for phase in Phase} <= set(in_code(BLOCK.sub("", section("### JSON"))))


@pytest.mark.parametrize(("key", "values"), [("trigger", Trigger), ("outcome", Outcome), ("action", Action)])
def test_the_table_of_json_keys_gives_every_value(key: str, values: type[Enum]) -> None:
    cells = {row[0]: row[1] for row in tables(section("### JSON"))[0]}
    assert set(in_code(cells[f"`{key}`"])) == {value.value for value in values}


def test_every_kind_of_error_and_every_cause_of_staleness_is_named() -> None:
    assert {kind.value for kind in FailureKind} <= set(in_code(BLOCK.sub("", section("### JSON"))))
    assert {why.value for why in Why} <= set(in_code(BLOCK.sub("", section("## Commands"))))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_local_link_leads_somewhere(name: str) -> None:
    local = [link for link in re.findall(r"\]\(([^)\s]+)\)", DOCUMENTS[name]) if "://" not in link]
    assert local
    for link in local:
        path, _, anchor = link.partition("#")
        target = TOP / path if path else TOP / name
        assert target.is_relative_to(TOP)
        assert target.exists(), link
        if anchor:
            headings = re.findall(r"^#+ (.+)$", BLOCK.sub("", target.read_text("utf-8")), re.MULTILINE)
            assert anchor in map(slug, headings), link


@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_document_names_a_place_on_the_machine_that_it_was_written_on(name: str) -> None:
    absolute = re.finditer(r"(?<![\w/.:~}$-])/[A-Za-z][\w./-]*", re.sub(r"\]\([^)]*\)", "]", DOCUMENTS[name]))
    assert [found[0] for found in absolute if not EXAMPLE_PLACES.match(found[0])] == []


def test_the_changelog_begins_with_what_is_not_released_yet() -> None:
    assert re.findall(r"^## (.+)$", DOCUMENTS["CHANGELOG.md"], re.MULTILINE)[0] == "[Unreleased]"
    assert "\n### Added\n" in DOCUMENTS["CHANGELOG.md"]
