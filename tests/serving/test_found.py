from uvwatch.core.findings import Code, Finding, Severity
from uvwatch.serving.found import finding_lines, finding_object

MISSING = Finding(
    code=Code.LOCK_MISSING, severity=Severity.BREAKS, message="no uv.lock in /p\x1b", remedy="run `uv lock`"
)


def test_a_finding_is_told_in_two_lines_or_as_one_object() -> None:
    assert finding_lines([MISSING]) == (
        "breaks: lock-missing: no uv.lock in /p\\x1b",
        "  remedy: run `uv lock`",
    )
    assert finding_object(MISSING) == {
        "schema": 1,
        "code": "lock-missing",
        "severity": "breaks",
        "message": "no uv.lock in /p\x1b",
        "remedy": "run `uv lock`",
    }


def test_no_finding_is_a_word_too() -> None:
    assert finding_lines([]) == ("nothing is wrong",)
