"""What a fresh interpreter reads of the installed package, and how its answer is judged.

Every update writes the same number into some modules and into a static file, always with the same width, so that no
size changes; every tenth adds a file, which takes a build. Knows nothing of who updates; starts nothing.
"""

from collections.abc import Mapping
from enum import Enum

WIDTH = 6
MODULES = ("first", "second", "third")
STATIC = "static/css/torture.css"

CODE = f"""\
import myapp
from importlib.resources import files
from myapp.torture import {", ".join(MODULES)}
static = files("myapp").joinpath("{STATIC}").read_text()
print(myapp.__file__, {", ".join(f"{name}.NUMBER" for name in MODULES)}, static, sep="|", end="")
"""


class Verdict(Enum):
    """How one interpreter fared."""

    FINE = "fine"
    FAILED = "failed"
    OLD = "saw old code"
    TORN = "saw a half-installed package"


def written(number: int) -> Mapping[str, str]:
    """The files of one update by their path in the package."""
    digits = f"{number:0{WIDTH}}"
    modules = {f"torture/{name}.py": f'NUMBER = "{digits}"\n' for name in MODULES}
    news = {} if number % 10 else {f"torture/new{digits}.txt": ""}
    return {"torture/__init__.py": "", STATIC: f"/* {digits} */\n", **modules, **news}


def judge(*, status: int, output: str, site: str, floor: int, ceiling: int) -> Verdict:
    """Judge what an interpreter that ran ``CODE`` printed.

    Args:
        status: its exit status.
        output: its stdout.
        site: the package's directory in site-packages.
        floor: the last update that was installed when the interpreter started.
        ceiling: the last update that was written when it ended; old and new files may stand side by side.
    """
    if status:
        return Verdict.FAILED
    file, *modules, static = output.split("|")
    digits = [*modules, static[3 : 3 + WIDTH]]
    whole = file == f"{site}/__init__.py" and static == f"/* {digits[-1]} */\n"
    if not whole or not all(each.isdecimal() and len(each) == WIDTH and int(each) <= ceiling for each in digits):
        return Verdict.TORN
    return Verdict.FINE if min(map(int, digits)) >= floor else Verdict.OLD
