import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uvwatch.core.model import (
    Action,
    CycleFinished,
    CycleStarted,
    Delta,
    Distribution,
    Event,
    Failure,
    HoldEnded,
    HoldStarted,
    Outcome,
    Ready,
    Result,
    Stopped,
    Trigger,
    Warned,
    WarningCode,
)
from uvwatch.errors import FailureKind
from uvwatch.serving.lines import duration, lines_of, output_tail, problem

# As CONTRACT gives them.
BEGIN = re.compile(r"^uvwatch: updating\b")
END = re.compile(r"^uvwatch: (updated|unchanged|failed)\b")
PROBLEM = re.compile(r"^(.+):([0-9]+):([0-9]+): error: (.+)$")

SYNTAX_ERROR = Failure(
    kind=FailureKind.BUILD, message="SyntaxError: invalid syntax", path="tools/hatch_build.py", line=3, column=1
)


def started(trigger: Trigger, names: tuple[str, ...] = (), paths: tuple[str, ...] = ()) -> CycleStarted:
    return CycleStarted(cycle=2, trigger=trigger, names=names, paths=paths)


def finished(outcome: Outcome, duration_ms: float, *results: Result) -> CycleFinished:
    return CycleFinished(cycle=2, outcome=outcome, duration_ms=duration_ms, results=results)


def result(name: str, action: Action, delta: Delta | None = None, *, reason: str = "any") -> Result:
    return Result(name=name, action=action, reason=reason, delta=delta or Delta())


def failed(name: str, failure: Failure = SYNTAX_ERROR) -> Result:
    return Result(name=name, action=Action.REBUILD, reason="any", error=failure)


def distribution(name: str, *, editable: bool = False) -> Distribution:
    return Distribution(
        name=name, version="1", root=f"/p/{name}", editable=editable, dist_info=f"{name}-1.dist-info", by_uv=True
    )


def ready(*distributions: Distribution, directories: int = 34) -> Ready:
    return Ready(
        version="1",
        project="/p",
        environment="/p/.venv",
        pid=7,
        distributions=distributions,
        directories=directories,
        backend="inotify",
    )


A_WHOLE_LIFE: list[tuple[Event, list[str]]] = [
    (CycleStarted(cycle=1, trigger=Trigger.START, names=("myapp",)), ["uvwatch: updating: checking at start"]),
    (
        finished(Outcome.UPDATED, 140.2, result("myapp", Action.REBUILD, Delta(added=tuple("abcdefghijkl")))),
        ["uvwatch: updated myapp in 140 ms (rebuild: 12 added)"],
    ),
    (
        ready(distribution("myapp"), distribution("shared", editable=True)),
        ["uvwatch: ready, watching 2 distributions (myapp, shared editable) in 34 directories"],
    ),
    (
        started(Trigger.CHANGE, ("myapp",), ("myapp/staticfiles/css/a.css", "myapp/b.css", "myapp/c.css")),
        ["uvwatch: updating myapp: 3 files changed (myapp/staticfiles/css/a.css, ...)"],
    ),
    (
        finished(Outcome.UPDATED, 84.1, result("myapp", Action.PATCH, Delta(added=("a",), changed=("b", "c")))),
        ["uvwatch: updated myapp in 84 ms (patch: 2 changed, 1 added)"],
    ),
    (
        started(Trigger.CHANGE, ("myapp",), ("myapp/value.py",)),
        ["uvwatch: updating myapp: 1 file changed (myapp/value.py)"],
    ),
    (
        finished(Outcome.UNCHANGED, 3.4, result("myapp", Action.NONE, reason="same bytes")),
        ["uvwatch: unchanged in 3 ms (same bytes)"],
    ),
    (
        started(Trigger.CHANGE, ("myapp", "tools"), ("myapp/value.py", "tools/hatch_build.py")),
        ["uvwatch: updating 2 distributions (myapp, tools): 2 files changed (myapp/value.py, tools/hatch_build.py)"],
    ),
    (
        finished(
            Outcome.FAILED, 1234.0, result("myapp", Action.PATCH, Delta(changed=("myapp/value.py",))), failed("tools")
        ),
        [
            "tools/hatch_build.py:3:1: error: SyntaxError: invalid syntax",
            "uvwatch: failed tools after 1.2 s: SyntaxError: invalid syntax (updated myapp)",
        ],
    ),
    (Stopped(), ["uvwatch: stopped"]),
]


@pytest.mark.parametrize(("event", "expected"), A_WHOLE_LIFE)
def test_the_life_of_the_contract_is_told_to_the_letter(event: Event, expected: list[str]) -> None:
    assert [line.text for line in lines_of(event)] == expected


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (started(Trigger.SYNC, ("myapp",)), "uvwatch: updating myapp: asked by sync"),
        (started(Trigger.AUDIT, ("myapp",), ("a.py",)), "uvwatch: updating myapp: 1 file changed (a.py)"),
        (started(Trigger.AUDIT), "uvwatch: updating: found by the audit"),
        (started(Trigger.RETRY, ("a", "b")), "uvwatch: updating 2 distributions (a, b): trying again"),
        (started(Trigger.ENVIRONMENT), "uvwatch: updating: the environment changed"),
    ],
)
def test_a_cycle_without_paths_says_what_began_it(event: Event, expected: str) -> None:
    assert [line.text for line in lines_of(event)] == [expected]


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (
            finished(
                Outcome.UPDATED,
                84,
                result("myapp", Action.PATCH, Delta(changed=("a",))),
                result("tools", Action.REBUILD, Delta(removed=("b",))),
                result("third", Action.PATCH, Delta(changed=("c",), removed=("d",))),
                result("fourth", Action.NONE),
            ),
            (
                "uvwatch: updated 3 distributions (myapp, tools, third) in 84 ms "
                "(patch: 2 changed, 1 removed; rebuild: 1 removed)"
            ),
        ),
        (
            finished(Outcome.UPDATED, 900, result("myapp", Action.REINSTALL)),
            "uvwatch: updated myapp in 900 ms (reinstall)",
        ),
        (finished(Outcome.UPDATED, 900), "uvwatch: updated in 900 ms"),
    ],
)
def test_an_update_tells_its_distributions_and_sums(event: Event, expected: str) -> None:
    assert [line.text for line in lines_of(event)] == [expected]


@pytest.mark.parametrize(
    ("reasons", "expected"),
    [
        ([], "uvwatch: unchanged in 3 ms"),
        (["same bytes", "same bytes"], "uvwatch: unchanged in 3 ms (same bytes)"),
        (["same bytes", "not in the wheel"], "uvwatch: unchanged in 3 ms (same bytes; not in the wheel)"),
    ],
)
def test_no_change_gives_each_reason_once(reasons: list[str], expected: str) -> None:
    results = [result(f"n{at}", Action.NONE, reason=reason) for at, reason in enumerate(reasons)]

    assert [line.text for line in lines_of(finished(Outcome.UNCHANGED, 3, *results))] == [expected]


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ([failed("a"), failed("b")], "uvwatch: failed 2 distributions (a, b) after 20 ms: SyntaxError: invalid syntax"),
        (
            [failed("a", Failure(kind=FailureKind.UV, message="no lock")), failed("b")],
            "uvwatch: failed 2 distributions (a, b) after 20 ms: a: no lock; b: SyntaxError: invalid syntax",
        ),
        ([failed("a", Failure(kind=FailureKind.IO, message=" "))], "uvwatch: failed a after 20 ms: io error"),
        ([], "uvwatch: failed after 20 ms"),
    ],
)
def test_a_failure_names_all_that_failed_and_why(results: list[Result], expected: str) -> None:
    assert lines_of(finished(Outcome.FAILED, 20, *results))[-1].text == expected


def test_an_end_line_that_quotes_a_compiler_is_no_problem_line() -> None:
    failure = Failure(kind=FailureKind.BUILD, message="src/a.c:3:1: error: expected ';'")

    (end,) = lines_of(finished(Outcome.FAILED, 20, failed("a", failure)))

    assert end.text == "uvwatch: failed a after 20 ms: src/a.c:3:1: expected ';'"
    assert not PROBLEM.search(end.text)


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (SYNTAX_ERROR, "tools/hatch_build.py:3:1: error: SyntaxError: invalid syntax"),
        (Failure(kind=FailureKind.BUILD, message="m", path="a.py", line=2), "a.py:2:1: error: m"),
        (Failure(kind=FailureKind.BUILD, message="a\nb", path="pyproject.toml"), "pyproject.toml:1:1: error: a\\x0ab"),
        (Failure(kind=FailureKind.BUILD, message="a.py: is a FIFO", path="a.py"), "a.py:1:1: error: is a FIFO"),
        (Failure(kind=FailureKind.BUILD, message="m", path="uvwatch: updated x"), "./uvwatch: updated x:1:1: error: m"),
        (Failure(kind=FailureKind.BUILD, message="m"), None),
        (Failure(kind=FailureKind.BUILD, message="m", path=""), None),
    ],
)
def test_a_failure_with_a_place_is_a_problem(failure: Failure, expected: str | None) -> None:
    assert problem(failure) == expected


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (ready(directories=0), "uvwatch: ready, watching 0 distributions in 0 directories"),
        (ready(distribution("a"), directories=1), "uvwatch: ready, watching 1 distribution (a) in 1 directory"),
    ],
)
def test_readiness_counts_in_words_that_agree(event: Event, expected: str) -> None:
    assert [line.text for line in lines_of(event)] == [expected]


@pytest.mark.parametrize(
    "event",
    [
        Warned(code=WarningCode.LOOP, message="m", remedy="r"),
        HoldStarted(command=("npm", "run")),
        HoldEnded(command=("npm", "run")),
    ],
)
def test_warnings_and_holds_print_nothing(event: Event) -> None:
    assert lines_of(event) == ()


@pytest.mark.parametrize(
    ("milliseconds", "expected"),
    [(0.2, "0 ms"), (3.4, "3 ms"), (140.4, "140 ms"), (999.4, "999 ms"), (999.6, "1.0 s"), (75_300, "75.3 s")],
)
def test_durations_change_their_unit_at_a_second(milliseconds: float, expected: str) -> None:
    assert duration(milliseconds) == expected


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("", ()),
        ("\n \n", ()),
        ("a\r\nb\n\n", ("a", "b")),
        ("\n".join(map(str, range(50))), tuple(map(str, range(10, 50)))),
    ],
)
def test_the_tail_of_an_output_is_its_last_forty_lines(output: str, expected: tuple[str, ...]) -> None:
    assert output_tail(output) == expected


TEXT = st.text(st.characters(exclude_categories=()), max_size=12)
NAMES = st.lists(TEXT.filter(bool), max_size=3, unique=True).map(tuple)
FAILURES = st.builds(
    Failure,
    message=TEXT,
    path=st.none() | TEXT | st.just("uvwatch: failed"),
    line=st.none() | st.integers(1, 99),
    column=st.none() | st.integers(1, 99),
    output=TEXT,
)
DELTAS = st.builds(Delta, added=NAMES, changed=NAMES, removed=NAMES)
RESULTS = st.builds(Result, name=TEXT.filter(bool), reason=TEXT, delta=DELTAS, error=st.none() | FAILURES)
STARTED = st.builds(CycleStarted, names=NAMES, paths=NAMES)
FINISHED = st.builds(CycleFinished, duration_ms=st.floats(0, 1e6), results=st.lists(RESULTS, max_size=3).map(tuple))
DISTRIBUTIONS = st.builds(Distribution, name=TEXT, root=TEXT, version=TEXT, dist_info=TEXT)
EVENTS: st.SearchStrategy[Event] = st.one_of(
    STARTED,
    FINISHED,
    st.builds(Ready, distributions=st.lists(DISTRIBUTIONS, max_size=3).map(tuple)),
    st.builds(Warned, message=TEXT, remedy=TEXT),
    st.builds(HoldStarted, command=NAMES),
    st.just(Stopped()),
)


@given(EVENTS)
def test_every_line_of_every_event_is_one_line_and_encodable(event: Event) -> None:
    for line in lines_of(event):
        assert len(line.text.splitlines()) == 1
        assert line.text.isprintable() or not re.search("[\x00-\x1f\x7f-\x9f]", line.text)
        line.text.encode("utf-8")


@given(STARTED)
def test_a_beginning_is_one_begin_line_and_nothing_else(event: CycleStarted) -> None:
    (line,) = lines_of(event)

    assert BEGIN.search(line.text)
    assert not END.search(line.text)


@given(FINISHED)
def test_an_end_is_problems_and_then_exactly_one_end_line(event: CycleFinished) -> None:
    *problems, end = [line.text for line in lines_of(event)]

    assert END.search(end)
    assert end.startswith(f"uvwatch: {event.outcome.value}")
    assert len(problems) == sum(bool(one.error and one.error.path) for one in event.results)
    for line in problems:
        assert PROBLEM.search(line)
        assert not BEGIN.search(line)
        assert not END.search(line)


@given(EVENTS)
def test_colour_leaves_the_beginning_of_a_line_and_all_its_text_as_they_are(event: Event) -> None:
    for line in lines_of(event):
        plain_beginning = line.colored.split("\x1b")[0]

        assert re.sub("\x1b\\[[0-9]*m", "", line.colored) == line.text
        for pattern in (BEGIN, END):
            assert bool(pattern.search(plain_beginning)) is bool(pattern.search(line.text))
