import math
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uvwatch.core.config import (
    KEYS,
    Config,
    Editable,
    Installer,
    Kind,
    MemberConfig,
    Polling,
    load,
    load_member,
    own_table,
)
from uvwatch.errors import Fatal

WHERE = "/p/pyproject.toml"

CONTRACT = {
    "packages": None,
    "artifacts": (),
    "ignore": (),
    "settle": 0.1,
    "settle-max": 10.0,
    "installer": Installer.AUTO,
    "editable": Editable.KEEP,
    "sync-args": (),
    "compile-bytecode": None,
    "build-timeout": 300.0,
    "audit": 60.0,
    "polling": Polling.AUTO,
    "hooks.updated": None,
    "hooks.failed": None,
    "hooks.timeout": 10.0,
}


def loaded(
    table: Mapping[str, Any], environ: Mapping[str, str] | None = None, options: Mapping[str, Any] | None = None
) -> Config:
    return load(table, environ or {}, options or {}, where=WHERE)


def refusal(
    table: Mapping[str, Any], environ: Mapping[str, str] | None = None, options: Mapping[str, Any] | None = None
) -> str:
    with pytest.raises(Fatal) as caught:
        loaded(table, environ, options)
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_the_keys_and_their_defaults_are_those_of_the_contract() -> None:
    assert {key.name: key.default for key in KEYS} == CONTRACT
    assert loaded({}) == Config()


def test_every_key_has_a_variable_a_field_and_a_help_text() -> None:
    names = {key.name: (key.field, key.variable) for key in KEYS}

    assert names["settle-max"] == ("settle_max", "UVWATCH_SETTLE_MAX")
    assert all(key.help for key in KEYS)
    assert names["hooks.timeout"] == ("hooks_timeout", "UVWATCH_HOOKS_TIMEOUT")
    lists = ["packages", "artifacts", "ignore", "sync-args", "hooks.updated", "hooks.failed"]
    assert [key.name for key in KEYS if not key.scalar] == lists


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ({"settle": 1}, Config(settle=1.0)),
        ({"settle": 0}, Config(settle=0.0)),
        ({"settle-max": 0.5}, Config(settle_max=0.5)),
        ({"audit": 0}, Config(audit=0.0)),
        ({"installer": "uv"}, Config(installer=Installer.UV)),
        ({"editable": "never"}, Config(editable=Editable.NEVER)),
        ({"polling": "always"}, Config(polling=Polling.ALWAYS)),
        ({"compile-bytecode": False}, Config(compile_bytecode=False)),
        ({"packages": ["a", "b"]}, Config(packages=("a", "b"))),
        ({"sync-args": ["--no-dev", "--extra", "web"]}, Config(sync_args=("--no-dev", "--extra", "web"))),
        ({"hooks": {}}, Config()),
        ({"hooks": {"updated": ["a", "b c"], "timeout": 1}}, Config(hooks_updated=("a", "b c"), hooks_timeout=1.0)),
    ],
)
def test_pyproject_sets_a_key(table: Mapping[str, Any], expected: Config) -> None:
    assert loaded(table) == expected


def test_an_integer_is_a_number() -> None:
    assert isinstance(loaded({"build-timeout": 5}).build_timeout, float)


@pytest.mark.parametrize(
    ("variable", "text", "expected"),
    [
        ("UVWATCH_SETTLE", "0.2", Config(settle=0.2)),
        ("UVWATCH_SETTLE_MAX", "20", Config(settle_max=20.0)),
        ("UVWATCH_ARTIFACTS", "a/static 'b c/*.mo'", Config(artifacts=("a/static", "b c/*.mo"))),
        ("UVWATCH_PACKAGES", "one", Config(packages=("one",))),
        ("UVWATCH_COMPILE_BYTECODE", "true", Config(compile_bytecode=True)),
        ("UVWATCH_COMPILE_BYTECODE", "0", Config(compile_bytecode=False)),
        ("UVWATCH_HOOKS_FAILED", "say 'it failed'", Config(hooks_failed=("say", "it failed"))),
        ("UVWATCH_INSTALLER", "uv", Config(installer=Installer.UV)),
        ("UVWATCH_SETTLE", "", Config()),
        ("UVWATCH_HOLD", "x", Config()),
        ("UVWATCH_SETLE", "x", Config()),
        ("SETTLE", "x", Config()),
    ],
)
def test_a_variable_sets_a_key_and_others_are_ignored(variable: str, text: str, expected: Config) -> None:
    assert loaded({}, {variable: text}) == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"settle": 0.3}, Config(settle=0.3)),
        ({"settle": "0.3"}, Config(settle=0.3)),
        ({"settle": None}, Config()),
        ({"settle": 0}, Config(settle=0.0)),
        ({"compile_bytecode": False}, Config(compile_bytecode=False)),
        ({"compile_bytecode": "1"}, Config(compile_bytecode=True)),
        ({"polling": "never"}, Config(polling=Polling.NEVER)),
        ({"polling": Polling.NEVER}, Config(polling=Polling.NEVER)),
        ({"packages": ("a",)}, Config(packages=("a",))),
    ],
)
def test_an_option_sets_a_key_and_none_does_not(options: Mapping[str, Any], expected: Config) -> None:
    assert loaded({}, {}, options) == expected


@pytest.mark.parametrize(
    ("environ", "options", "settle"),
    [({}, {}, 1.0), ({"UVWATCH_SETTLE": "2"}, {}, 2.0), ({"UVWATCH_SETTLE": "2"}, {"settle": 3.0}, 3.0)],
)
def test_options_win_over_variables_and_variables_over_pyproject(
    environ: Mapping[str, str], options: Mapping[str, Any], settle: float
) -> None:
    assert loaded({"settle": 1}, environ, options).settle == settle


def test_a_value_that_is_overridden_is_checked_all_the_same() -> None:
    assert "tool.uvwatch.settle must be" in refusal({"settle": "fast"}, {}, {"settle": 0.2})


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ({"settle": "fast"}, 'tool.uvwatch.settle must be a number of seconds, 0 or more, not "fast"'),
        ({"settle": True}, "tool.uvwatch.settle must be a number of seconds, 0 or more, not true"),
        ({"settle": -1}, "tool.uvwatch.settle must be a number of seconds, 0 or more, not -1"),
        ({"settle": math.inf}, "tool.uvwatch.settle must be a number of seconds, 0 or more, not Infinity"),
        ({"settle": math.nan}, "tool.uvwatch.settle must be a number of seconds, 0 or more, not NaN"),
        ({"build-timeout": 0}, "tool.uvwatch.build-timeout must be a number of seconds greater than 0, not 0"),
        ({"installer": "pip"}, 'tool.uvwatch.installer must be "auto" or "uv", not "pip"'),
        ({"editable": False}, 'tool.uvwatch.editable must be "keep" or "always" or "never", not false'),
        ({"compile-bytecode": 1}, "tool.uvwatch.compile-bytecode must be true or false, not 1"),
        ({"compile-bytecode": "true"}, 'tool.uvwatch.compile-bytecode must be true or false, not "true"'),
        ({"artifacts": "a"}, 'tool.uvwatch.artifacts must be a list of strings, not "a"'),
        ({"artifacts": ["a/../../x"]}, 'tool.uvwatch.artifacts must be inside of the project, not "a/../../x"'),
        ({"packages": []}, "tool.uvwatch.packages must name a distribution; leave it out to keep every local one"),
        ({"ignore": ["a", 1]}, 'tool.uvwatch.ignore must be a list of strings, not ["a", 1]'),
        (
            {"hooks": {"failed": ["true", "a\0b"]}},
            (
                "tool.uvwatch.hooks.failed must hold no null byte, which no path and no command has, "
                r'not ["true", "a\u0000b"]'
            ),
        ),
        ({"hooks": ["x"]}, 'tool.uvwatch.hooks must be a table, not ["x"]'),
        ({"hooks": {"failed": "x"}}, 'tool.uvwatch.hooks.failed must be a list of strings, not "x"'),
        (
            {"hooks": {"update": ["x"]}},
            "tool.uvwatch.hooks.update is not a known key; did you mean tool.uvwatch.hooks.updated?",
        ),
        ({"setle": 1}, "tool.uvwatch.setle is not a known key; did you mean tool.uvwatch.settle?"),
        ({"settle_max": 1}, "tool.uvwatch.settle_max is not a known key; did you mean tool.uvwatch.settle-max?"),
    ],
)
def test_a_bad_key_or_value_is_refused_by_its_dotted_name(table: Mapping[str, Any], sentence: str) -> None:
    assert refusal(table) == f"{WHERE}: {sentence}"


def test_an_unknown_key_that_resembles_none_is_answered_with_all_of_them() -> None:
    message = refusal({"zzz": 1})

    assert "tool.uvwatch.zzz is not a known key; expected one of packages, artifacts," in message


def test_a_number_too_large_for_a_float_is_refused() -> None:
    assert "must be a number of seconds" in refusal({"settle": 10**5000})


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("UVWATCH_SETTLE", "soon"),
        ("UVWATCH_SETTLE", "-1"),
        ("UVWATCH_SETTLE", "inf"),
        ("UVWATCH_COMPILE_BYTECODE", "maybe"),
        ("UVWATCH_COMPILE_BYTECODE", "yes"),
        ("UVWATCH_POLLING", "sometimes"),
        ("UVWATCH_ARTIFACTS", "../x"),
        ("UVWATCH_ARTIFACTS", "'open"),
    ],
)
def test_a_bad_variable_is_named_with_its_value(variable: str, text: str) -> None:
    message = refusal({}, {variable: text})

    assert message.startswith(f"{variable} must be ")
    assert text in message


def test_a_bad_option_is_named_as_it_was_typed() -> None:
    assert refusal({}, {}, {"settle_max": "soon"}).startswith("--settle-max must be ")
    assert refusal({}, {}, {"compile_bytecode": "yes"}) == '--compile-bytecode must be true or false, not "yes"'


@pytest.mark.parametrize(
    ("table", "environ", "options", "origin"),
    [
        ({"settle": 11}, {}, {}, f"{WHERE}: tool.uvwatch.settle:"),
        ({"settle-max": 0.05}, {}, {}, f"{WHERE}: tool.uvwatch.settle-max:"),
        ({"settle-max": 5}, {"UVWATCH_SETTLE": "6"}, {}, "UVWATCH_SETTLE:"),
        ({}, {}, {"settle": 11}, "--settle:"),
    ],
)
def test_settle_above_settle_max_is_refused_where_it_was_set(
    table: Mapping[str, Any], environ: Mapping[str, str], options: Mapping[str, Any], origin: str
) -> None:
    message = refusal(table, environ, options)

    assert message.startswith(origin)
    assert "must not be above settle-max" in message


def test_a_member_may_set_artifacts_and_ignore() -> None:
    member = load_member({"artifacts": ["static"], "ignore": ["*.log"]}, where=WHERE)

    assert member == MemberConfig(artifacts=("static",), ignore=("*.log",))
    assert load_member({}, where=WHERE) == MemberConfig()


@pytest.mark.parametrize(
    ("table", "part"),
    [
        ({"settle": 1}, "tool.uvwatch.settle belongs in the workspace root"),
        ({"artifact": []}, "tool.uvwatch.artifact is not a known key; did you mean tool.uvwatch.artifacts?"),
        ({"ignore": "x"}, "tool.uvwatch.ignore must be a list of strings"),
        ({"hooks": {"updated": ["x"]}}, "tool.uvwatch.hooks.updated belongs in the workspace root"),
    ],
)
def test_anything_else_in_a_members_table_is_refused(table: Mapping[str, Any], part: str) -> None:
    with pytest.raises(Fatal, match=r"^/p/pyproject\.toml: ") as caught:
        load_member(table, where=WHERE)

    assert part in str(caught.value)


@pytest.mark.parametrize(
    ("pyproject", "expected"),
    [
        ({}, {}),
        ({"tool": {}}, {}),
        ({"tool": "x"}, {}),
        ({"tool": {"uvwatch": {"settle": 1}}}, {"settle": 1}),
    ],
)
def test_our_table_is_found_or_empty(pyproject: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    assert own_table(pyproject, where=WHERE) == expected


def test_our_table_must_be_a_table() -> None:
    with pytest.raises(Fatal, match=r"tool\.uvwatch must be a table, not 3"):
        own_table({"tool": {"uvwatch": 3}}, where=WHERE)


VALUES: Mapping[Kind, st.SearchStrategy[Any]] = {
    Kind.SECONDS: st.floats(min_value=0, max_value=1e6),
    Kind.POSITIVE_SECONDS: st.floats(min_value=1e-3, max_value=1e6),
    Kind.FLAG: st.booleans(),
    Kind.WORDS: st.lists(st.text(st.characters(exclude_characters="\0")), max_size=3),
}
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(name=st.sampled_from([key.name for key in KEYS]) | st.text(), value=ANY)
def test_any_single_setting_is_either_taken_or_refused_with_its_dotted_name(name: str, value: Any) -> None:
    try:
        config = loaded({name: value})
    except Fatal as error:
        assert f"tool.uvwatch.{name}" in str(error)  # noqa: PT017 - both ends are right, and each has its claim
    else:
        assert config == loaded({}, {}, {name.replace("-", "_").replace(".", "_"): value})


@given(data=st.data(), key=st.sampled_from([key for key in KEYS if key.kind in VALUES and "settle" not in key.name]))
def test_a_good_value_means_the_same_in_pyproject_and_as_an_option(data: st.DataObject, key: Any) -> None:
    value = data.draw(VALUES[key.kind].filter(lambda value: value != []))

    assert loaded({key.name: value}) == loaded({}, {}, {key.field: value})
