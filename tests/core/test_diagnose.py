# ruff: noqa: E501, RUF001 - messages as they were printed
"""What is made of what was printed.

The files in ``printed`` are of real runs of uv 0.13.9, and of 0.9.9 ("old"); paths are changed, and the backends' own
frames shortened.
"""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uvwatch.core.diagnose import Diagnosis, diagnose
from uvwatch.errors import FailureKind

PRINTED = Path(__file__).with_name("printed")
CASES = {
    "a-syntax-error-in-a-build-hook": Diagnosis(
        kind=FailureKind.BUILD, message="SyntaxError: invalid syntax", path="hatch_build.py", line=2, column=7
    ),
    "an-indentation-error-in-a-build-hook": Diagnosis(
        kind=FailureKind.BUILD,
        message="IndentationError: expected an indented block after function definition on line 1",
        path="hatch_build.py",
        line=2,
        column=1,
    ),
    "a-build-hook-that-raises": Diagnosis(
        kind=FailureKind.BUILD,
        message="RuntimeError: no assets: run npm run build",
        path="hatch_build.py",
        line=4,
        column=1,
    ),
    "a-build-hook-that-imports-what-is-not-there": Diagnosis(
        kind=FailureKind.BUILD,
        message="ModuleNotFoundError: No module named 'nothing_here'",
        path="hatch_build.py",
        line=1,
        column=1,
    ),
    "a-build-hook-whose-command-fails": Diagnosis(
        kind=FailureKind.BUILD,
        message="subprocess.CalledProcessError: Command '['sh', '-c', 'echo esbuild: cannot find a.ts >&2; exit 3']' returned non-zero exit status 3.",
        path="hatch_build.py",
        line=5,
        column=1,
    ),
    "a-build-hook-that-gives-up-without-a-traceback": Diagnosis(kind=FailureKind.BUILD, message="give up"),
    "a-syntax-error-in-setup-py-which-setuptools-runs-from-a-string": Diagnosis(
        kind=FailureKind.BUILD,
        message="SyntaxError: invalid syntax. Perhaps you forgot a comma?",
        path="setup.py",
        line=3,
        column=6,
    ),
    "an-exception-of-several-lines-in-setup-py": Diagnosis(
        kind=FailureKind.BUILD, message="ValueError: two", path="setup.py", line=2, column=1
    ),
    "a-readme-that-hatchling-does-not-find": Diagnosis(
        kind=FailureKind.BUILD, message="OSError: Readme file does not exist: README.md"
    ),
    "a-package-that-hatchling-does-not-find": Diagnosis(
        kind=FailureKind.BUILD,
        message="ValueError: Unable to determine which files to ship inside the wheel using the following heuristics: https://hatch.pypa.io/latest/plugins/builder/wheel/#default-file-selection",
    ),
    "a-backend-that-is-not-there": Diagnosis(
        kind=FailureKind.BUILD, message="ModuleNotFoundError: No module named 'hatchling.nope'"
    ),
    "a-package-that-uv-build-does-not-find": Diagnosis(
        kind=FailureKind.BUILD, message="Expected a Python module at: src/app/__init__.py"
    ),
    "a-readme-that-uv-build-does-not-find": Diagnosis(
        kind=FailureKind.BUILD,
        message="failed to open file `/home/app/README.md`: No such file or directory (os error 2)",
    ),
    "a-licence-that-uv-build-does-not-find": Diagnosis(
        kind=FailureKind.BUILD, message="`project.license-files` glob `LICENSE*` did not match any files"
    ),
    "toml-that-does-not-parse": Diagnosis(
        kind=FailureKind.BUILD,
        message='TOML parse error: invalid basic string, expected `"`',
        path="pyproject.toml",
        line=3,
        column=17,
    ),
    "toml-of-a-wrong-type": Diagnosis(
        kind=FailureKind.BUILD,
        message="TOML parse error: invalid type: integer `3`, expected a string",
        path="pyproject.toml",
        line=3,
        column=11,
    ),
    "toml-of-a-member-that-does-not-parse": Diagnosis(
        kind=FailureKind.BUILD,
        message='TOML parse error: invalid basic string, expected `"`',
        path="pkgs/alpha/pyproject.toml",
        line=3,
        column=15,
    ),
    "a-build-that-the-index-does-not-serve": Diagnosis(
        kind=FailureKind.UV,
        message="Because no-such-thing-at-all-xyz was not found in the cache and you require no-such-thing-at-all-xyz, we can conclude that your requirements are unsatisfiable. (the network is disabled)",
    ),
    "an-index-that-does-not-answer": Diagnosis(
        kind=FailureKind.UV,
        message="Failed to fetch: http://127.0.0.1:1/simple/idna/: Connection refused (os error 111)",
    ),
    "a-dependency-that-is-not-in-the-cache": Diagnosis(
        kind=FailureKind.UV,
        message="Because idna was not found in the cache and your project depends on idna, we can conclude that your project's requirements are unsatisfiable. (the network is disabled)",
    ),
    "a-lock-that-does-not-fit": Diagnosis(
        kind=FailureKind.UV, message="The lockfile at `uv.lock` needs to be updated, but `--locked` was provided."
    ),
    "no-lock-at-all": Diagnosis(
        kind=FailureKind.UV,
        message="Unable to find lockfile at `uv.lock`, but `--frozen` was provided. To create a lockfile, run `uv lock` or `uv sync` without the flag.",
    ),
    "a-host-that-has-no-address": Diagnosis(
        kind=FailureKind.UV,
        message="Failed to download `https://host.invalid/cpython-3.12.16.tar.gz`: failed to lookup address information: Name or service not known",
    ),
    "a-full-disk": Diagnosis(
        kind=FailureKind.IO,
        message="failed to copy file from /cache/archive-v0/c9Qg/app/big.bin to /env/lib/python3.11/site-packages/app/.tmpT1uUkP: No space left on device (os error 28)",
    ),
    "a-read-only-file-system": Diagnosis(
        kind=FailureKind.IO,
        message='Read-only file system (os error 30) at path "/env/lib/python3.11/site-packages/app/.tmpUA346E"',
    ),
    "a-directory-that-is-no-environment": Diagnosis(
        kind=FailureKind.ENVIRONMENT,
        message="Project virtual environment directory `/env` cannot be used because it is not a valid Python environment (no Python executable was found)",
    ),
    "an-environment-that-is-gone": Diagnosis(
        kind=FailureKind.ENVIRONMENT, message="No interpreter found at path `.venv/bin/python`"
    ),
    "uv-build-which-prints-the-traceback-before-its-error": Diagnosis(
        kind=FailureKind.BUILD, message="SyntaxError: invalid syntax", path="hatch_build.py", line=2, column=7
    ),
    "uv-build-of-a-hook-that-gives-up": Diagnosis(kind=FailureKind.BUILD, message="give up"),
    "old-uv-a-syntax-error-in-a-build-hook": Diagnosis(
        kind=FailureKind.BUILD, message="SyntaxError: invalid syntax", path="hatch_build.py", line=2, column=7
    ),
    "old-uv-toml-that-does-not-parse": Diagnosis(
        kind=FailureKind.BUILD,
        message='TOML parse error: invalid basic string, expected `"`',
        path="pyproject.toml",
        line=3,
        column=17,
    ),
    "old-uv-a-build-requirement-that-is-not-there": Diagnosis(
        kind=FailureKind.UV,
        message="Because no-such-thing-at-all-xyz was not found in the cache and you require no-such-thing-at-all-xyz, we can conclude that your requirements are unsatisfiable. (the network is disabled)",
    ),
    "old-uv-a-hook-that-gives-up": Diagnosis(kind=FailureKind.BUILD, message="give up"),
    "a-compilers-error": Diagnosis(
        kind=FailureKind.BUILD,
        message="expected ‘,’ or ‘;’ before ‘return’",
        path="src/app/fast.c",
        line=2,
        column=13,
    ),
    "colours": Diagnosis(kind=FailureKind.UV, message="No solution found"),
    "a-single-word-of-no-known-form": Diagnosis(kind=FailureKind.UV, message="Killed"),
}


@pytest.mark.parametrize("name", CASES)
def test_the_cause_and_its_place_are_found(name: str) -> None:
    output = (PRINTED / f"{name}.txt").read_text(encoding="utf-8")
    assert diagnose(output, roots=("/home/app",)) == CASES[name]


def test_every_output_is_read() -> None:
    assert {file.stem for file in PRINTED.iterdir()} == CASES.keys()


def test_no_output_has_no_message() -> None:
    assert diagnose("", roots=("/home/app",)) == Diagnosis(kind=FailureKind.UV, message="")


SYNTAX = """\
Traceback (most recent call last):
  File "<string>", line 14, in <module>
  File "{path}", line 2
    return 1 1
             ^
SyntaxError: invalid syntax
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/home/app/hatch_build.py", "hatch_build.py"),
        ("/home/app/tools/build/hook.py", "tools/build/hook.py"),
        ("/outside/lib/hatch_build.py", "../../outside/lib/hatch_build.py"),
        ("hatch_build.py", "../../outside/lib/hatch_build.py"),
        ("/home/application/hatch_build.py", None),
        ("/home/app/.venv/lib/python3.11/site-packages/x.py", None),
        ("/home/app/.cache/builds-v0/.tmp0/x.py", None),
        ("/usr/lib/python3.11/ast.py", None),
        ("<frozen importlib._bootstrap>", None),
    ],
)
def test_a_place_is_in_the_projects_own_files_or_there_is_none(path: str, expected: str | None) -> None:
    found = diagnose(SYNTAX.format(path=path), roots=("/home/app", "/outside/lib"))
    assert (found.message, found.path) == ("SyntaxError: invalid syntax", expected)
    assert (found.line, found.column) == ((None, None) if expected is None else (2, 10))


def test_a_carets_column_counts_the_indentation_that_a_traceback_leaves_out() -> None:
    asked: list[tuple[str, int]] = []

    def indent_of(path: str, line: int) -> int:
        asked.append((path, line))
        return 8

    found = diagnose(SYNTAX.format(path="/home/app/b.py"), roots=("/home/app",), indent_of=indent_of)
    assert (found.line, found.column) == (2, 18)
    assert asked == [("/home/app/b.py", 2)]


def test_of_several_tracebacks_the_last_gives_the_message_and_the_nearest_of_our_files_the_place() -> None:
    output = """\
Traceback (most recent call last):
  File "/home/app/hatch_build.py", line 7, in initialize
    int("x")
ValueError: invalid literal for int() with base 10: 'x'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/cache/builds-v0/.tmp0/lib/python3.11/site-packages/hatchling/build.py", line 58, in build_wheel
    raise BuildFailed from error
hatchling.BuildFailed
"""
    expected = Diagnosis(
        kind=FailureKind.BUILD, message="hatchling.BuildFailed", path="hatch_build.py", line=7, column=1
    )
    assert diagnose(output, roots=("/home/app",)) == expected


def test_the_toml_of_a_distribution_outside_is_named_as_seen_from_the_project() -> None:
    where = '  cause: TOML parse error at line 3, column 15\n           |\n         3 | x = "\n           |      ^\n         no\n'
    named = "error: Failed to build `lib`\n  cause: Failed to parse cache keys in `/outside/lib/pyproject.toml`\n"
    unnamed = "error: Failed to parse metadata from built wheel\n  cause: Invalid `pyproject.toml`\n"
    for output in (named + where, unnamed + where):
        found = diagnose(output, roots=("/home/app", "/outside/lib"))
        assert (found.message, found.path) == ("TOML parse error: no", "../../outside/lib/pyproject.toml")


def test_a_full_disk_is_io_even_if_a_hook_met_it_and_a_denied_file_is_the_hooks_own() -> None:
    full = "Traceback (most recent call last):\nOSError: [Errno 28] No space left on device: 'x'\n"
    denied = "Traceback (most recent call last):\nPermissionError: [Errno 13] Permission denied: 'x'\n"
    assert diagnose(full, roots=("/a",)).kind is FailureKind.IO
    assert diagnose(denied, roots=("/a",)).kind is FailureKind.BUILD


WORDS = st.sampled_from(
    [
        "error: Failed to build `x`",
        "  cause: Call to `x` failed",
        "  × Failed",
        "  ╰─▶ No",
        "  │ more",
        "Traceback (most recent call last):",
        '  File "/a/x.py", line 3',
        '  File "x',
        "    def f(:",
        "          ^",
        "SyntaxError: invalid syntax",
        "TOML parse error at line 3, column 1",
        "  |",
        "[stderr]",
        "hint: no",
        "",
        "x.c:1:2: error: no",
    ]
)


@given(st.lists(WORDS | st.text(max_size=20)), st.lists(st.sampled_from(["/a", "/b/c"]), min_size=1, max_size=2))
def test_whatever_was_printed_the_message_is_one_short_line(lines: list[str], roots: list[str]) -> None:
    found = diagnose("\n".join(lines), roots=roots)
    assert len(found.message.splitlines()) <= 1
    assert len(found.message) <= 400
    assert (found.path is None) == (found.line is None) == (found.column is None)
