import pytest

from uvwatch.core.model import Failure, Stale, Why
from uvwatch.errors import FailureKind
from uvwatch.serving.check import CheckedDistribution, CheckReport, check_lines, check_object

CSS = "myapp/staticfiles/css/a.css"
STALE = CheckedDistribution(
    name="myapp",
    root="/p",
    editable=False,
    fresh=False,
    stale=(
        Stale(path=CSS, source=CSS, why=Why.MISSING),
        Stale(path="myapp/value.py", source="src/myapp/value.py", why=Why.DIFFERS),
        Stale(path="myapp/made\n.py", source=None, why=Why.EXTRA),
    ),
)
FRESH = CheckedDistribution(name="tools", root="/p/tools", editable=True, fresh=True)
UNKNOWN = CheckedDistribution(name="third", root="/p/third", editable=False, fresh=None)
ERROR = Failure(kind=FailureKind.BUILD, message="SyntaxError: invalid syntax", path="hatch_build.py", line=3, column=2)


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        (
            CheckReport(fresh=False, environment="/p/.venv", distributions=(STALE, FRESH)),
            [
                "myapp is stale: 3 files",
                f"  missing  {CSS}",
                "  differs  myapp/value.py (from src/myapp/value.py)",
                "  extra    myapp/made\\x0a.py",
                "tools is fresh",
            ],
        ),
        (
            CheckReport(fresh=None, environment="/p/.venv", error=ERROR, distributions=(UNKNOWN,)),
            [
                "third: could not find out",
                "hatch_build.py:3:2: error: SyntaxError: invalid syntax",
                "could not find out: SyntaxError: invalid syntax",
            ],
        ),
        (
            CheckReport(
                fresh=None,
                environment="/p/.venv",
                error=Failure(kind=FailureKind.ENVIRONMENT, message="no environment"),
            ),
            ["could not find out: no environment"],
        ),
        (CheckReport(fresh=True, environment="/p/.venv"), ["no local distributions in /p/.venv"]),
    ],
)
def test_a_report_reads_file_by_file(report: CheckReport, expected: list[str]) -> None:
    assert list(check_lines(report)) == expected


def test_the_object_has_exactly_the_keys_of_the_contract() -> None:
    report = CheckReport(fresh=None, environment="/p/.venv", error=ERROR, distributions=(STALE, UNKNOWN))

    assert check_object(report) == {
        "schema": 1,
        "fresh": None,
        "environment": "/p/.venv",
        "error": {
            "kind": "build",
            "message": "SyntaxError: invalid syntax",
            "path": "hatch_build.py",
            "line": 3,
            "column": 2,
            "output": "",
        },
        "distributions": [
            {
                "name": "myapp",
                "root": "/p",
                "editable": False,
                "fresh": False,
                "stale": [
                    {"path": CSS, "source": CSS, "why": "missing"},
                    {"path": "myapp/value.py", "source": "src/myapp/value.py", "why": "differs"},
                    {"path": "myapp/made\n.py", "source": None, "why": "extra"},
                ],
            },
            {"name": "third", "root": "/p/third", "editable": False, "fresh": None, "stale": []},
        ],
    }
