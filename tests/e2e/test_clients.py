"""Commands beside a running daemon: barriers, questions, events, the end; and clients that are no good."""

import json
import os
import random
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import COMMAND, END, TINY, Gate, Make, Project
from tests.e2e.lines import PATIENCE

SLOW = ("--settle", "8", "--settle-max", "9")
"""Settings by which the daemon alone would be slower than anything here waits for."""


def address(project: Project) -> str:
    """Where the daemon of the only environment of this user listens."""
    [found] = Path(project.env["XDG_RUNTIME_DIR"], "uvwatch").glob("*.sock")
    return str(found)


@contextmanager
def connected(project: Project) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE)
        client.connect(address(project))
        yield client


def asked(project: Project, line: bytes) -> list[dict[str, Any]]:
    """What the daemon answers to a line, until it closes the connection."""
    with connected(project) as client:
        client.sendall(line)
        with client.makefile("rb") as answers:
            return [json.loads(answer) for answer in answers]


def status(project: Project) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(project.uvwatch("status", "--json").stdout)
    return answer


def test_a_sync_through_the_daemon_returns_once_what_was_saved_is_installed(tiny: Project) -> None:
    with tiny.watch(*SLOW) as daemon:
        for number in range(3):
            files = {f"src/tiny/new{number}/deep/a.txt": f"{number}\n", "src/tiny/a.css": f"a {{ order: {number} }}\n"}
            tiny.write(files)
            done = tiny.uvwatch("sync")
            assert [tiny.installed(name.removeprefix("src/")) for name in files] == list(files.values())
            begin, end = done.stdout.splitlines()
            assert (done.returncode, done.stderr) == (0, "")
            assert daemon.cycle() == [begin, end]
            assert end.startswith("uvwatch: updated tiny in ")
        idle = tiny.uvwatch("sync")
        assert idle.stdout.splitlines()[0] == "uvwatch: updating: asked by sync"
        assert idle.stdout.splitlines()[1].startswith("uvwatch: unchanged in ")
        told = json.loads(tiny.uvwatch("sync", "--json").stdout)
        assert (told["event"], told["outcome"], told["cycle"]) == ("cycle.finished", "unchanged", 4)
        assert [each["action"] for each in told["distributions"]] == ["none"]
        (tiny.site / "tiny" / "a.css").unlink()  # no event tells of it
        assert tiny.uvwatch("sync").returncode == 0
        assert tiny.installed("tiny/a.css") == "a { order: 2 }\n"
        daemon.cycle()
        assert daemon.stop() == ["uvwatch: stopped"]


def test_ten_callers_share_one_update(tiny: Project) -> None:
    with tiny.watch(*SLOW) as daemon, ExitStack() as stack:
        tiny.write({"src/tiny/a.css": "a { color: blue }\n"})
        callers = [stack.enter_context(tiny.start(COMMAND, "sync", "--timeout", "30")) for _ in range(10)]
        assert [caller.ended() for caller in callers] == [0] * 10
        for caller in callers:
            begin, end = caller.out.rest()
            assert begin.startswith("uvwatch: updating")
            assert end.startswith(("uvwatch: updated", "uvwatch: unchanged"))
        assert len(daemon.cycle()) == 2
        assert daemon.stop() == ["uvwatch: stopped"]


def test_options_of_a_sync_hold_for_its_own_cycle(tiny: Project) -> None:
    with tiny.watch(*SLOW) as daemon:
        tiny.write({"src/tiny/a.css": "a { color: blue }\n"})
        assert "(reinstall: 1 changed)" in tiny.uvwatch("sync", "--installer", "uv").stdout
        tiny.write({"src/tiny/a.css": "a { color: green }\n"})
        assert "(patch: 1 changed)" in tiny.uvwatch("sync", "--package", "Tiny").stdout
        assert "asked for by --reinstall" in tiny.uvwatch("sync", "--reinstall").stdout
        compiled = tiny.site / "tiny" / "__pycache__"
        tiny.write({"src/tiny/__init__.py": 'VALUE = "two"\n'})
        assert tiny.uvwatch("sync", "--compile-bytecode", "true").returncode == 0
        assert [path.name for path in compiled.glob("__init__.*")]
        assert tiny.uvwatch("sync", "--editable").returncode == 0
        assert tiny.installed("tiny/a.css") is None
        assert "unchanged" in tiny.uvwatch("sync").stdout
        assert tiny.uvwatch("sync", "--no-editable").returncode == 0
        assert tiny.installed("tiny/a.css") == "a { color: green }\n"
        tiny.write({"src/tiny/a.css": "a { color: white }\n"})
        assert ": 1 changed)" in tiny.uvwatch("sync").stdout
        assert tiny.uvwatch("sync", "--timeout", "1e300").returncode == 0
        for words in (
            ("--package", "nobody"),
            ("--settle", "soon"),
            ("--build-timeout", "0"),
            ("--timeout", "-1"),
            ("--timeout", "nan"),
        ):
            refused = tiny.uvwatch("sync", *words)
            assert (refused.returncode, refused.stdout) == (2, "")
            assert words[-1] in refused.stderr
        assert daemon.stop()[-1] == "uvwatch: stopped"


PAIR = {
    "pyproject.toml": '[tool.uv.workspace]\nmembers = ["one", "two"]\n',
    **{
        f"{name}/{path}": text.replace("tiny", name)
        for name in ("one", "two")
        for path, text in (("pyproject.toml", TINY["pyproject.toml"]), (f"src/{name}/__init__.py", 'VALUE = "one"\n'))
    },
}


def test_a_sync_of_one_package_leaves_the_others_to_the_daemon(make: Make) -> None:
    pair = make(PAIR)
    pair.uv("sync", "--no-editable", "--all-packages")
    news = {f"{name}/src/{name}/__init__.py": 'VALUE = "two"\n' for name in ("one", "two")}
    with pair.watch("--settle", "1") as daemon:
        # It finds the question and the changes at the same time.
        daemon.send(signal.SIGSTOP)
        with connected(pair) as client, client.makefile("rb") as answers:
            client.sendall(b'{"schema":1,"op":"sync","packages":["one"]}\n')
            pair.write(news)
            daemon.send(signal.SIGCONT)
            told = [json.loads(line) for line in answers][-1]
        assert [each["name"] for each in told["distributions"]] == ["one"]
        assert daemon.cycle()[0] == "uvwatch: updating one: 1 file changed (one/src/one/__init__.py)"
        assert daemon.cycle()[-1].startswith("uvwatch: updated two in ")
        assert pair.installed("two/__init__.py") == 'VALUE = "two"\n'
        pair.write({"two/src/two/__init__.py": 'VALUE = "reinstalled"\n'})
        assert pair.uvwatch("sync", "--package", "two", "--reinstall").returncode == 0
        assert daemon.cycle()[0] == "uvwatch: updating two: 1 file changed (two/src/two/__init__.py)"
        daemon.stop()
    with pair.watch("--package", "one", *SLOW) as daemon:
        assert daemon.out.seen[-1].startswith("uvwatch: ready, watching 1 distribution (one)")
        pair.write(dict.fromkeys(news, 'VALUE = "three"\n'))
        assert pair.uvwatch("sync", "--package", "two").returncode == 0
        assert pair.installed("two/__init__.py") == 'VALUE = "three"\n'
        assert pair.uvwatch("sync").returncode == 0
        assert pair.installed("one/__init__.py") == 'VALUE = "three"\n'
        assert [each["name"] for each in status(pair)["distributions"]] == ["one"]
        daemon.stop()


def test_a_sync_of_one_package_forgets_nothing_that_was_done_to_the_copy_of_another(make: Make) -> None:
    pair = make(PAIR)
    pair.uv("sync", "--no-editable", "--all-packages")
    with pair.watch("--settle", "2", "--audit", "0", "-vv") as daemon:
        (pair.site / "two" / "__init__.py").unlink()
        daemon.err.until(".*watch.hint.*two/__init__.py")
        done = pair.uvwatch("sync", "--package", "one")
        assert daemon.cycle() == done.stdout.splitlines()
        assert pair.installed("two/__init__.py") is None
        daemon.cycle()
        assert pair.installed("two/__init__.py") == PAIR["two/src/two/__init__.py"]


def test_a_failure_is_told_to_whoever_synced_and_in_the_status(tiny: Project) -> None:
    with tiny.watch() as daemon:
        whole = tiny.read("pyproject.toml")
        tiny.write({"pyproject.toml": whole + "[[[\n"})
        failed = tiny.uvwatch("sync")
        assert failed.returncode == 1
        begin, problem, end = failed.stdout.splitlines()
        assert begin.startswith("uvwatch: updating")
        assert problem.startswith("pyproject.toml:9:")
        assert end.startswith("uvwatch: failed tiny after ")
        daemon.cycle()

        told = tiny.uvwatch("status")
        assert told.returncode == 1
        assert "phase: failed, for " in told.stdout
        assert " ago: tiny: pyproject.toml:9: " in told.stdout
        answer = status(tiny)
        assert (answer["running"], answer["fresh"], answer["phase"]) == (True, False, "failed")
        assert answer["pid"] == daemon.process.pid
        assert answer["error"]["line"] == 9
        assert answer["last"]["outcome"] == "failed"

        tiny.write({"pyproject.toml": whole})
        assert tiny.uvwatch("sync").returncode == 0
        answer = status(tiny)
        assert (answer["fresh"], answer["phase"], answer["error"], answer["holds"]) == (True, "idle", None, [])
        assert tiny.uvwatch("status").returncode == 0


def test_a_build_that_fails_shows_its_output_to_whoever_synced(web: Project) -> None:
    with web.watch(*SLOW):
        web.edit("hatch_build.py", "import os\n", "import os\nraise RuntimeError('no')\n")
        failed = web.uvwatch("sync")
        assert failed.returncode == 1
        assert "RuntimeError: no" in failed.stderr
        assert failed.stdout.splitlines()[-1].endswith("RuntimeError: no")


def test_a_sync_goes_on_by_itself_when_the_daemon_dies(tiny: Project) -> None:
    with tiny.watch(*SLOW) as daemon:
        daemon.send(signal.SIGSTOP)
        with tiny.start(COMMAND, "sync", "--timeout", "0.3") as impatient:
            assert impatient.ended() == 1
            assert "not fresh within 0.3 s" in "".join(impatient.err.rest())
        with tiny.start(COMMAND, "sync", "-v") as patient:
            tiny.write({"src/tiny/a.css": "a { color: blue }\n"})
            daemon.send(signal.SIGKILL)
            assert patient.out.until(END)[-1].startswith("uvwatch: updated tiny in ")
            assert patient.ended() == 0
        assert tiny.installed("tiny/a.css") == "a { color: blue }\n"
    # What was killed left its socket; the next one takes its place.
    assert Path(address(tiny)).exists()
    with tiny.watch() as daemon:
        assert tiny.uvwatch("status").returncode == 0
        assert tiny.uvwatch("watch").returncode == 1
        assert daemon.stop() == ["uvwatch: stopped"]
    assert tiny.uvwatch("status").returncode == 3
    assert json.loads(tiny.uvwatch("status", "--json").stdout) == {"schema": 1, "running": False}


def test_a_daemon_that_is_just_starting_is_waited_for(web: Project, close_gate: Callable[[], Gate]) -> None:
    gate = close_gate()
    with web.start(COMMAND, "watch") as daemon:
        building = gate.knock()
        web.write({"web/more.py": "more = True\n"})
        with web.start(COMMAND, "sync") as caller:
            gate.open()
            building.close()
            assert caller.ended() == 0
            assert web.installed("web/more.py") == "more = True\n"
        daemon.out.until("uvwatch: ready")


def test_stop_returns_when_the_daemon_is_gone(tiny: Project) -> None:
    with tiny.watch() as daemon:
        stopped = tiny.uvwatch("stop")
        assert (stopped.returncode, stopped.stdout, stopped.stderr) == (0, "", "")
        assert tiny.uvwatch("stop", "--json").stdout == '{"schema":1,"running":false}\n'
        assert daemon.out.rest() == ["uvwatch: stopped"]
        assert daemon.ended() == 0


def test_events_are_followed_from_the_last_cycle_to_the_end(tiny: Project) -> None:
    assert tiny.uvwatch("events").returncode == 3
    with tiny.watch("--json") as daemon, tiny.start(COMMAND, "events") as events:
        first = [json.loads(line) for line in (events.out.next(), events.out.next()) if line]
        assert [each["event"] for each in first] == ["cycle.started", "cycle.finished"]
        assert json.loads(tiny.uvwatch("events", "--last").stdout) == first[1]
        with tiny.start("sh", "-c", f"{COMMAND} events | head -n 1") as reader:
            assert reader.out.next() is not None
            tiny.write({"src/tiny/a.css": "a { color: blue }\n"})
            assert reader.ended() == 0
            assert reader.err.rest() == []
        daemon.out.until('.*"event":"cycle.finished"')
        with tiny.start(COMMAND, "events") as interrupted:
            interrupted.out.next()
            interrupted.send(signal.SIGINT)
            assert interrupted.ended() == 0
        daemon.stop()
        followed = [json.loads(line)["event"] for line in events.out.rest()]
        assert followed == ["cycle.started", "cycle.finished", "stopped"]
        assert events.ended() == 0


def test_a_follower_prints_the_lines_of_the_one_that_runs_until_it_stops(tiny: Project) -> None:
    with tiny.watch() as daemon, tiny.start(COMMAND, "watch", "--follow") as follower:
        assert follower.out.until(END) == daemon.out.seen[:2]
        tiny.write({"src/tiny/a.css": "a { color: blue }\n"})
        assert follower.out.until(END) == daemon.cycle()
        daemon.stop()
        assert follower.out.rest() == ["uvwatch: stopped"]
        assert follower.ended() == 0
    with tiny.watch("--follow") as alone, tiny.start(COMMAND, "watch", "--follow", "--json") as follower:
        assert follower.out.next() is not None
        alone.send(signal.SIGKILL)
        assert follower.ended() == 1
        assert "killed" in "".join(follower.err.rest())


@pytest.mark.parametrize("command", ["events", "watch --follow"])
def test_who_follows_ends_with_its_reader_though_nothing_happens(tiny: Project, command: str) -> None:
    with (
        tiny.watch(),
        subprocess.Popen(
            [COMMAND, *command.split()], cwd=tiny.root, env=dict(tiny.env), stdout=subprocess.PIPE
        ) as follower,
    ):
        try:
            assert follower.stdout is not None
            assert [bool(follower.stdout.readline()) for _line in range(2)] == [True, True]
            follower.stdout.close()
            assert follower.wait(PATIENCE) == 0
        finally:
            follower.kill()


def costs(pid: int) -> tuple[int, int]:
    """Open descriptors, and resident memory in KiB, of a process."""
    held = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    [resident] = [int(line.split()[1]) for line in held.splitlines() if line.startswith("VmRSS:")]
    return len(list(Path(f"/proc/{pid}/fd").iterdir())), resident


def misbehave(client: socket.socket, kind: int, source: random.Random) -> None:
    """Be one of several bad clients; whoever is cut off while it writes has met what it should."""
    match kind:
        case 0:
            client.sendall(source.randbytes(200) + b"\n")
        case 1:
            client.sendall(b'{"schema":1,"op":"st')
        case 2:
            with pytest.raises(OSError, match=r".") as cut:
                client.sendall(b"x" * 10_000_000)
            assert not isinstance(cut.value, TimeoutError)
        case 3:
            client.sendall(b'{"schema":1,"op":"events"}\n')
        case _:
            pass


def test_bad_clients_cost_nothing_but_their_own_connections(tiny: Project) -> None:
    source = random.Random(1)  # noqa: S311 - garbage, the same each time
    with tiny.watch() as daemon:
        pid = daemon.process.pid
        for round_ in range(2):
            before = costs(pid)
            for number in range(100):
                with connected(tiny) as client:
                    misbehave(client, number % 5, source)
            assert asked(tiny, b'{"schema":1,"op":"status"}\n')[0]["fresh"] is True
            after = costs(pid)
            if round_:
                # Those that just vanished are still being buried.
                assert after[0] <= before[0] + 20
                assert after[1] <= before[1] + 8 * 1024
        for line, sentence in (
            (b"[]\n", "a JSON object"),
            (b"nonsense\n", "one line of JSON"),
            (b'{"schema":2,"op":"status"}\n', "schema 1"),
            (b'{"schema":1,"op":"dance"}\n', "op must be one of"),
            (b'{"schema":1,"op":"sync","packages":"tiny"}\n', "packages must be"),
            (b'{"schema":1,"op":"sync","options":{"colour":"red"}}\n', "colour"),
            (b'{"schema":1,"op":"sync","options":{"settle":["1"]}}\n', "options must be"),
        ):
            [answer] = asked(tiny, line)
            assert sentence in answer["error"]["message"]
            assert answer["error"]["exit_status"] == 2
        with connected(tiny) as client:
            client.sendall(b'{"schema":1,"op":"events"}\n')
            assert daemon.stop() == ["uvwatch: stopped"]
            assert daemon.err.rest() == []


def test_a_hundred_clients_are_told_the_same(tiny: Project) -> None:
    with tiny.watch() as daemon, ExitStack() as stack:
        clients = [stack.enter_context(connected(tiny)) for _ in range(100)]
        streams = [stack.enter_context(client.makefile("rb")) for client in clients]
        for client in clients:
            client.sendall(b'{"schema":1,"op":"events"}\n')
        for stream in streams:
            assert [json.loads(stream.readline())["cycle"] for _ in range(2)] == [1, 1]
        assert os.stat(address(tiny)).st_mode & 0o777 == 0o600  # noqa: PTH116
        tiny.write({"src/tiny/a.css": "a { color: blue }\n"})
        daemon.cycle()
        told = [[stream.readline(), stream.readline()] for stream in streams]
        assert told == [told[0]] * 100
        assert json.loads(told[0][1])["outcome"] == "updated"
        daemon.stop()
        assert {json.loads(stream.readline())["event"] for stream in streams} == {"stopped"}
        assert [stream.readline() for stream in streams] == [b""] * 100
