import io
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from uvwatch.core import placing, record
from uvwatch.core.model import Content, Delta, Distribution
from uvwatch.core.placing import Installed
from uvwatch.core.record import Row
from uvwatch.errors import CycleFailed, FailureKind
from uvwatch.installing.sources import Source, of_file, of_wheel, read, wanted_of_wheel
from uvwatch.installing.wheel import read_wheel
from uvwatch.project.environment import Environment

INFO = "app-1.dist-info"
WHEEL = "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def archive(*, damaged: bool = False) -> zipfile.ZipFile:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as writing:
        writing.writestr("app/x", "whole")
    return zipfile.ZipFile(io.BytesIO(data.getvalue().replace(b"whole", b"broke") if damaged else data.getvalue()))


def test_bytes_a_file_and_a_member_are_read_alike(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"whole")
    (tmp_path / "link").symlink_to("real")
    sources: list[Source] = [b"whole", of_file(str(tmp_path / "link")), partial(archive().open, "app/x")]
    assert [b"".join(read(source, "x")) for source in sources] == [b"whole"] * 3


@pytest.mark.parametrize(
    ("source", "kind", "message"),
    [
        (of_file("/nonexistent/x"), FailureKind.IO, "/nonexistent/x: No such file or directory"),
        (of_file("/dev/null"), FailureKind.IO, "/dev/null: not a regular file"),
        (partial(archive(damaged=True).open, "app/x"), FailureKind.BUILD, "app/x cannot be unpacked from the wheel"),
    ],
)
def test_what_cannot_be_read_is_a_failed_cycle(source: Source, kind: FailureKind, message: str) -> None:
    with pytest.raises(CycleFailed, match=message) as caught:
        list(read(source, "app/x"))
    assert caught.value.kind is kind


class Place:
    """An environment with one script in it, and a wheel for it."""

    def __init__(self, top: Path, script: str) -> None:
        purelib = top / "lib/python3.11/site-packages"
        self.env = Environment(
            prefix=top,
            purelib=purelib,
            platlib=purelib,
            python=top / "bin/python",
            has_pyvenv_cfg=True,
            python_version="3.11.7",
        )
        self.script = top / "bin" / "tool"
        self.wheel = str(top / "app-1-py3-none-any.whl")
        for path in (purelib, self.script.parent):
            path.mkdir(parents=True)
        self.script.write_text(script)

    def build(self, members: Mapping[str, str]) -> None:
        with zipfile.ZipFile(self.wheel, "w") as writing:
            for name, text in {**members, f"{INFO}/WHEEL": WHEEL}.items():
                writing.writestr(name, text)

    def installed(self, files: Mapping[str, Content]) -> Installed:
        script = Content(record.digest(self.script.read_bytes()), executable=True)
        files = {**files, "../../../bin/tool": script}
        rows = {path: Row(content.digest, 1) for path, content in files.items()}
        return Installed(
            distribution=Distribution(name="app", version="1", root="/", editable=False, dist_info=INFO),
            has_pyvenv_cfg=True,
            rows={**rows, f"{INFO}/RECORD": Row("", None)},
            files=files,
            wheel_text=WHEEL,
        )


@pytest.mark.parametrize(
    ("script", "changed"),
    [("#!/venv/bin/python\nprint(1)\n", ()), ("#!/venv/bin/python\nprint(2)\n", ("../../../bin/tool",))],
)
def test_a_script_whose_first_line_the_installer_wrote_is_compared_without_it(
    script: str, changed: tuple[str, ...], tmp_path: Path
) -> None:
    environment = Place(tmp_path, script)
    environment.build({"app.py": "A = 1\n", "app-1.data/scripts/tool": "#!python\nprint(1)\n"})
    wheel = read_wheel(environment.wheel, environment.env)
    with zipfile.ZipFile(environment.wheel) as opened:
        installed = environment.installed({"app.py": wheel.files["app.py"]})
        wanted = wanted_of_wheel(opened, wheel, installed, environment.env)
        assert b"".join(read(of_wheel(opened, wheel)["app.py"], "app.py")) == b"A = 1\n"
    assert placing.delta(installed, wanted) == Delta(changed=changed)


def test_the_scripts_of_entry_points_are_the_installers(tmp_path: Path) -> None:
    environment = Place(tmp_path, "#!/venv/bin/python\nfrom app import main\n")
    environment.build({f"{INFO}/entry_points.txt": "[console_scripts]\ntool = app:main\n"})
    wheel = read_wheel(environment.wheel, environment.env)
    with zipfile.ZipFile(environment.wheel) as opened:
        installed = environment.installed(wheel.files)
        wanted = wanted_of_wheel(opened, wheel, installed, environment.env)
    assert placing.delta(installed, wanted) == Delta()
    assert placing.refusal(installed, wanted, Delta()) is None
    lost = replace(installed, files=wheel.files)
    assert placing.refusal(lost, wanted, Delta()) == "the script ../../../bin/tool has to be made"
