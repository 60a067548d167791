import os
import signal
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from uvwatch.errors import CycleFailed, FailureKind
from uvwatch.installing.process import Completed, run

pytestmark = pytest.mark.anyio

ENV = {"PATH": os.environ["PATH"]}


async def python(code: str, cwd: Path, *arguments: str) -> Completed:
    return await run([sys.executable, "-u", "-c", code, *arguments], cwd=str(cwd), env=ENV, timeout=60)


def state(pid: int) -> str:
    """The first letter of a process's state as ps says it: T stands still, Z awaits its parent; empty for none."""
    return subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout[:1]


def is_gone(pid: int) -> bool:
    return state(pid) in ("", "Z", "X")


async def test_stdout_and_stderr_come_merged_in_their_order_and_line_by_line(tmp_path: Path) -> None:
    lines: list[str] = []
    code = "import sys\nfor n in range(3): print('out', n); print('err', n, file=sys.stderr)"
    done = await run([sys.executable, "-u", "-c", code], cwd=str(tmp_path), env=ENV, timeout=60, on_line=lines.append)
    assert lines == ["out 0", "err 0", "out 1", "err 1", "out 2", "err 2"]
    assert done == Completed(returncode=0, transcript="\n".join(lines))


async def test_bytes_that_are_not_utf_8_are_escaped_and_a_line_without_an_end_counts(tmp_path: Path) -> None:
    code = r"import sys; sys.stdout.buffer.write('é\r\n'.encode() + b'caf\xe9')"
    assert (await python(code, tmp_path)).transcript == "é\ncaf\\xe9"


async def test_output_is_the_last_40_lines(tmp_path: Path) -> None:
    done = await python("for n in range(100): print(n)", tmp_path)
    assert done.output.split("\n") == [str(n) for n in range(60, 100)]
    assert done.transcript.split("\n") == [str(n) for n in range(100)]


async def test_what_no_program_can_be_given_is_a_failure_to_run_it(tmp_path: Path) -> None:
    for words in (["true", "a\0b"], ["true", "\ud800"]):
        with pytest.raises(CycleFailed, match="cannot run 'true': ") as failed:
            await run(words, cwd=str(tmp_path), env=ENV, timeout=60)
        assert failed.value.kind is FailureKind.ENVIRONMENT


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("print('x' * 2_000_000 + 'end')", id="one line"),
        pytest.param("for n in range(50_000): print('x' * 30)\nprint('end')", id="many lines"),
    ],
)
async def test_what_is_kept_is_bounded_and_the_end_is_what_is_kept(code: str, tmp_path: Path) -> None:
    transcript = (await python(code, tmp_path)).transcript
    assert len(transcript) < 300_000
    assert transcript.endswith("end")


async def test_a_child_has_an_empty_stdin_its_own_session_and_the_environment_given(tmp_path: Path) -> None:
    code = "import os, sys; print([sys.stdin.read(), os.getsid(0) == os.getpid(), os.environ.get('HOME')])"
    assert (await python(code, tmp_path)).transcript == "['', True, None]"


@pytest.mark.parametrize(
    ("code", "returncode"), [("raise SystemExit(3)", 3), ("import os; os.kill(os.getpid(), 9)", -9)]
)
async def test_a_failure_is_a_return_code_and_no_error(code: str, returncode: int, tmp_path: Path) -> None:
    assert (await python(code, tmp_path)).returncode == returncode


async def test_a_program_that_cannot_be_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(CycleFailed, match=r"cannot run /nonexistent/uv: .*No such file or directory") as caught:
        await run(["/nonexistent/uv"], cwd=str(tmp_path), env=ENV, timeout=60)
    assert caught.value.kind is FailureKind.ENVIRONMENT


async def test_a_grandchild_that_holds_the_pipe_delays_nothing_and_lives_on(tmp_path: Path) -> None:
    done = await run(["sh", "-c", "sleep 60 & echo $!"], cwd=str(tmp_path), env=ENV, timeout=30)
    pid = int(done.transcript)
    assert not is_gone(pid)
    os.kill(pid, signal.SIGKILL)


async def test_a_timeout_ends_the_whole_group_and_shows_the_output(tmp_path: Path) -> None:
    with pytest.raises(CycleFailed, match=r"^sh did not end within 0\.5 s$") as caught:
        await run(["sh", "-c", "sleep 60 & echo $!; echo $$; wait"], cwd=str(tmp_path), env=ENV, timeout=0.5)
    assert caught.value.kind is FailureKind.TIMEOUT
    assert all(is_gone(int(pid)) for pid in caught.value.output.split())


async def test_what_ignores_sigterm_is_killed_two_seconds_later(tmp_path: Path) -> None:
    started = anyio.current_time()
    with pytest.raises(CycleFailed) as caught:
        await run(
            ["sh", "-c", "trap '' TERM; sleep 60 & echo $!; echo $$; wait"], cwd=str(tmp_path), env=ENV, timeout=0.3
        )
    assert 2.3 <= anyio.current_time() - started < 10
    assert all(is_gone(int(pid)) for pid in caught.value.output.split())


class Cancelled:
    """A run that is cancelled as soon as its child has printed a line; ``lines`` is all that it printed."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.asked: list[str] = []
        self.seconds = 0.0

    async def run(self, argv: list[str], cwd: Path, answers: list[bool] | None = None) -> None:
        said = anyio.Event()

        def on_line(line: str) -> None:
            self.lines.append(line)
            said.set()

        def safe_to_kill() -> bool:
            self.asked.append(state(int(self.lines[0])))
            return answers.pop(0) if answers else False

        async with anyio.create_task_group() as tasks:

            async def child() -> None:
                await run(
                    argv,
                    cwd=str(cwd),
                    env=ENV,
                    timeout=60,
                    on_line=on_line,
                    safe_to_kill=None if answers is None else safe_to_kill,
                )

            tasks.start_soon(child)
            await said.wait()
            cancelled = anyio.current_time()
            tasks.cancel_scope.cancel()
        self.seconds = anyio.current_time() - cancelled


async def test_a_cancellation_ends_and_reaps_the_group(tmp_path: Path) -> None:
    cancelled = Cancelled()
    await cancelled.run(["sh", "-c", "sleep 60 & echo $$ $!; wait"], tmp_path)
    leader, grandchild = map(int, cancelled.lines[0].split())
    assert is_gone(grandchild)
    with pytest.raises(ChildProcessError):
        os.waitpid(leader, os.WNOHANG)  # noqa: ASYNC222 - it does not wait


async def test_a_cancelled_child_that_may_not_be_killed_is_heard_to_its_end(tmp_path: Path) -> None:
    # It prints more than a pipe holds, so it ends only if someone still reads.
    code = "import pathlib; print('ready'); [print('x' * 99) for _ in range(5000)]; pathlib.Path('done').touch()"
    cancelled = Cancelled()
    await cancelled.run([sys.executable, "-u", "-c", code], tmp_path, answers=[])
    assert (tmp_path / "done").exists()
    assert cancelled.asked == []


async def test_a_cancelled_child_is_killed_at_the_first_safe_moment_and_stands_still_while_that_is_asked(
    tmp_path: Path,
) -> None:
    cancelled = Cancelled()
    await cancelled.run(["sh", "-c", "echo $$; sleep 60; echo on"], tmp_path, answers=[False, False, True])
    assert cancelled.asked == ["T", "T", "T"]
    assert is_gone(int(cancelled.lines[0]))
    assert 2.0 <= cancelled.seconds < 3.0


async def test_a_cancelled_child_that_is_never_safe_is_killed_within_three_seconds_all_the_same(tmp_path: Path) -> None:
    cancelled = Cancelled()
    await cancelled.run(["sh", "-c", "echo $$; sleep 60"], tmp_path, answers=[])
    assert set(cancelled.asked) == {"T"}
    assert is_gone(int(cancelled.lines[0]))
    assert 2.8 <= cancelled.seconds < 3.2


async def test_a_timeout_asks_too_and_at_once(tmp_path: Path) -> None:
    answers = [False, True]
    started = anyio.current_time()
    with pytest.raises(CycleFailed, match="did not end within"):
        await run(
            ["sh", "-c", "sleep 60"],
            cwd=str(tmp_path),
            env=ENV,
            timeout=0.1,
            safe_to_kill=lambda: answers.pop(0),
        )
    assert answers == []
    assert anyio.current_time() - started < 2
