import tempfile
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SUFFIX = "one"


class Render(BuildHookInterface):
    def initialize(self, version, build_data):
        greetings = [path.read_text().strip() for path in sorted(Path(self.root, "templates").glob("*.txt"))]
        rendered = Path(tempfile.mkdtemp(), "rendered.py")
        rendered.write_text(f"GREETINGS = {greetings!r}\nSUFFIX = {SUFFIX!r}\n")
        build_data["force_include"][str(rendered)] = "hatch_hook/rendered.py"
