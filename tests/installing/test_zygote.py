"""The zygote by itself, spoken to as its daemon does, in an environment with modules of the test's own."""

import ast
import contextlib
import json
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from uvwatch.installing import zygote
from uvwatch.installing.uv import find_uv

UV = find_uv(os.environ)
ZYGOTE = Path(zygote.__file__)

SCRIPT = """
import json, os, sys
from importlib import import_module
control = sys.argv[2]
sys.path[:0] = json.loads(os.environ.get("_PYPROJECT_HOOKS_BACKEND_PATH_JSON", "[]"))
getattr(import_module(os.environ["_PYPROJECT_HOOKS_BUILD_BACKEND"]), sys.argv[1])(control)
with open(control + "/output.json", "w") as file:
    json.dump({"return_val": None, "warnings": [{"message": "mind", "filename": "f.py", "lineno": 3}]}, file)
"""


@pytest.fixture(scope="module")
def venv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty environment; each test puts its own modules into it."""
    prefix = tmp_path_factory.mktemp("zygote") / "venv"
    subprocess.run([UV.path, "venv", "--quiet", "--no-project", "--python", sys.executable, prefix], check=True)
    return prefix


class Talk:
    """A zygote that runs, and what it has answered."""

    def __init__(self, venv: Path, tmp_path: Path, *, options: tuple[str, ...] = (), **extra: str) -> None:
        self.tmp_path = tmp_path
        self.script = tmp_path / "script.py"
        self.script.write_text(SCRIPT)
        self.process = subprocess.Popen(
            [venv / "bin" / "python", ZYGOTE, *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"PATH": os.environ["PATH"], **extra},
        )
        self.number = 0

    def close(self) -> None:
        self.process.kill()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        self.process.wait()

    def say(self, **request: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()

    def answers(self) -> Iterator[dict[str, Any]]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            yield json.loads(line)

    def begin(self, root: Path, hook: str, backend: str, *, ahead: bool = True, path: tuple[Path, ...] = ()) -> Path:
        self.number += 1
        control = self.tmp_path / f"control-{self.number}"
        control.mkdir()
        env = {"_PYPROJECT_HOOKS_BUILD_BACKEND": backend}
        if path:
            env["_PYPROJECT_HOOKS_BACKEND_PATH_JSON"] = json.dumps([str(each) for each in path])
        argv = ["python", str(self.script), hook, str(control)]
        self.say(run=self.number, argv=argv, cwd=str(root), env=env, backend=backend if ahead else None)
        return control

    def hook(self, root: Path, hook: str, backend: str, **options: Any) -> tuple[int, str]:
        """Run a hook to its end: its status and all that it printed, but for the script's own warning."""
        self.begin(root, hook, backend, **options)
        return self.end()

    def end(self) -> tuple[int, str]:
        said = b""
        for answer in self.answers():
            if "output" in answer:
                said += answer["data"].encode("latin-1")
            elif "ended" in answer:
                assert answer["rss"] > 1_000_000
                return answer["status"], said.decode().replace("f.py:3: UserWarning: mind\n", "")
        raise AssertionError(self.errors())

    def errors(self) -> str:
        assert self.process.stderr is not None
        return self.process.stderr.read().decode()


@pytest.fixture
def talk(venv: Path, tmp_path: Path) -> Iterator[Talk]:
    found = Talk(venv, tmp_path)
    yield found
    found.close()


def modules(venv: Path, texts: Mapping[str, str]) -> None:
    (site,) = venv.glob("lib/python*/site-packages")
    for name, text in texts.items():
        (site / name).parent.mkdir(exist_ok=True)
        (site / name).write_text(text)


def project(root: Path, **texts: str) -> Path:
    root.mkdir()
    for name, text in texts.items():
        (root / f"{name}.py").write_text(text)
    return root


def test_the_file_is_python_3_8_and_imports_the_standard_library_only() -> None:
    tree = ast.parse(ZYGOTE.read_text(), feature_version=(3, 8))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


def test_each_hook_has_a_fresh_process_with_the_backend_in_it_already(venv: Path, talk: Talk) -> None:
    modules(
        venv,
        {"backend_a.py": "import os\nprint('import')\nn = 0\ndef hook(_):\n global n; n += 1; print(n, __name__)\n"},
    )
    assert [talk.hook(talk.tmp_path, "hook", "backend_a") for _ in range(3)] == [(0, "1 backend_a\n")] * 3
    talk.process.terminate()
    assert talk.errors().count("import") == 1


def test_what_a_hook_loads_from_the_environment_is_there_for_the_next(venv: Path, talk: Talk, tmp_path: Path) -> None:
    modules(
        venv,
        {
            "backend_b.py": "def hook(_):\n import heavy, own\n",
            "heavy/__init__.py": "print('heavy')",
        },
    )
    root = project(tmp_path / "p", own="print('own')")
    runs = [talk.hook(root, "hook", "backend_b", path=(root,)) for _ in range(3)]
    assert runs == [(0, "heavy\nown\n"), (0, "own\n"), (0, "own\n")]


def test_cold_nothing_is_loaded_ahead(venv: Path, tmp_path: Path) -> None:
    modules(venv, {"backend_c.py": "print('import')\ndef hook(_): ...\n"})
    cold, user = Talk(venv, tmp_path, options=("--cold",)), Talk(venv, tmp_path, PYTHONPATH=str(tmp_path / "x"))
    try:
        assert [cold.hook(tmp_path, "hook", "backend_c") for _ in range(2)] == [(0, "import\n")] * 2
        user.number = 2
        assert user.hook(tmp_path, "hook", "backend_c") == (0, "import\n")
    finally:
        for each in (cold, user):
            each.close()


def test_a_projects_own_module_is_not_hidden_by_one_that_another_project_needed(
    venv: Path, talk: Talk, tmp_path: Path
) -> None:
    modules(venv, {"backend_d.py": "def hook(_):\n import shared\n", "shared.py": "print('of the environment')"})
    assert talk.hook(project(tmp_path / "p"), "hook", "backend_d")[1] == "of the environment\n"
    root = project(tmp_path / "q", shared="print('of the project')")
    assert talk.hook(root, "hook", "backend_d", path=(root,)) == (0, "of the project\n")


def test_code_of_a_project_is_run_in_children_only(talk: Talk, tmp_path: Path) -> None:
    text = "import os\ndef hook(_): print(os.getcwd(), [m for m in ('own_backend',) if m in before])\n"
    root = project(tmp_path / "p", own_backend="import sys\nbefore = set(sys.modules) - {__name__}\n" + text)
    for _ in range(2):
        assert talk.hook(root, "hook", "own_backend", ahead=False, path=(root,)) == (0, f"{root} []\n")
    talk.process.terminate()
    assert talk.errors() == ""


def test_the_zygotes_own_directory_is_nothing_that_a_hook_can_import_from(talk: Talk, tmp_path: Path) -> None:
    root = project(tmp_path / "p", b="import sys\ndef hook(_): print(sys.path)\n")
    assert str(ZYGOTE.parent) not in talk.hook(root, "hook", "b", ahead=False, path=(root,))[1]


def test_what_a_hook_raises_is_shown_without_the_zygotes_frames(talk: Talk, tmp_path: Path) -> None:
    root = project(tmp_path / "p", b="def hook(_):\n    raise RuntimeError('no assets')\n")
    status, said = talk.hook(root, "hook", "b", ahead=False, path=(root,))
    assert (status, said.splitlines()[0], said.splitlines()[-1]) == (
        1,
        "Traceback (most recent call last):",
        "RuntimeError: no assets",
    )
    assert str(ZYGOTE) not in said


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("sys.exit(3)", 3),
        ("os._exit(4)", 4),
        ("os.kill(os.getpid(), 9)", -9),
        ("os.kill(os.getpid(), signal.SIGCHLD)", 0),
    ],
)
def test_the_status_is_that_of_the_hooks_process(code: str, status: int, talk: Talk, tmp_path: Path) -> None:
    root = project(tmp_path / "p", b=f"import os, signal, sys\ndef hook(_):\n    {code}\n")
    assert talk.hook(root, "hook", "b", ahead=False, path=(root,))[0] == status


LATE = """
import atexit, threading
def hook(control):
    global log
    log = open(control + "/log", "w")
    log.write("open to the end")
    atexit.register(print, "at the exit")
    global event
    event = threading.Event()
    threading.Thread(target=lambda: (threading.main_thread().join(), print("thread"))).start()
    print("hook")
"""


def test_the_end_of_a_hooks_process_is_that_of_any_program(talk: Talk, tmp_path: Path) -> None:
    root = project(tmp_path / "p", b=LATE)
    control = talk.begin(root, "hook", "b", ahead=False, path=(root,))
    assert talk.end() == (0, "hook\nthread\nat the exit\n")
    assert (control / "log").read_text() == "open to the end"


WRITE = """
import os, tempfile, zipfile
def hook(control):
    for name in ("a.whl", "b.zip"):
        with zipfile.ZipFile(control + "/" + name, "w", compression=zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("x", "x" * 1000)
    fd, path = tempfile.mkstemp(suffix=".whl", dir=control)
    with zipfile.ZipFile(os.fdopen(fd, "w+b"), "w", compression=zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x", "x" * 1000, compress_type=zipfile.ZIP_DEFLATED)
    os.rename(path, control + "/c.whl")
"""


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.whl", zipfile.ZIP_STORED), ("c.whl", zipfile.ZIP_STORED), ("b.zip", zipfile.ZIP_DEFLATED)],
)
def test_wheels_alone_are_stored(name: str, kind: int, talk: Talk, tmp_path: Path) -> None:
    root = project(tmp_path / "p", b=WRITE)
    control = talk.begin(root, "hook", "b", ahead=False, path=(root,))
    assert talk.end() == (0, "")
    with zipfile.ZipFile(control / name) as archive:
        assert archive.getinfo("x").compress_type == kind
        assert archive.read("x") == b"x" * 1000


def test_two_hooks_run_side_by_side(talk: Talk, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    text = f"def read(_): print(open({str(fifo)!r}).read())\ndef write(_): open({str(fifo)!r}, 'w').write('met')\n"
    root = project(tmp_path / "p", b=text)
    talk.begin(root, "read", "b", ahead=False, path=(root,))
    talk.begin(root, "write", "b", ahead=False, path=(root,))
    ends, said = set(), ""
    for answer in talk.answers():
        said += answer.get("data", "") if answer.get("output") == 1 else ""
        ends |= {answer["ended"]} if "ended" in answer else set()
        if ends == {1, 2}:
            break
    assert said.startswith("met\n")


HOLD = """
import os, signal, subprocess, sys, time
def hook(_):
    for number in (signal.SIGTERM, ) if {stubborn} else ():
        signal.signal(number, signal.SIG_IGN)
    held = os.open({fifo!r}, os.O_WRONLY)
    subprocess.Popen(["sleep", "600"], pass_fds=[held])
    time.sleep(600)
"""


@pytest.mark.parametrize("stubborn", [False, True])
@pytest.mark.parametrize("how", ["asked to", "stdin closes", "the zygote is killed"])
def test_a_hook_ends_when_told_to_and_with_its_zygote(how: str, stubborn: bool, talk: Talk, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    root = project(tmp_path / "p", b=HOLD.format(fifo=str(fifo), stubborn=stubborn))
    talk.begin(root, "hook", "b", ahead=False, path=(root,))
    (started,) = [next(talk.answers())]
    with fifo.open("rb") as held:
        if how == "asked to":
            talk.say(end=1)
        elif how == "stdin closes":
            assert talk.process.stdin is not None
            talk.process.stdin.close()
        else:
            talk.process.kill()
            # The hook itself dies with its parent; what it started is for the daemon, which knows the group.
            os.waitid(os.P_PID, talk.process.pid, os.WEXITED | os.WNOWAIT)
            os.killpg(started["pid"], signal.SIGKILL)
        assert held.read() == b""
    if how == "asked to":
        assert talk.end()[0] == (-signal.SIGKILL if stubborn else -signal.SIGTERM)


def test_a_module_that_starts_a_thread_ends_the_zygote_with_a_reason(venv: Path, talk: Talk) -> None:
    modules(
        venv, {"backend_t.py": "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()"}
    )
    talk.begin(talk.tmp_path, "hook", "backend_t")
    assert list(talk.answers()) == []
    assert talk.process.wait() == 1
    assert "has started a thread" in talk.errors()
