from pathlib import Path

SUFFIX = "one"


def pdm_build_initialize(context):
    if context.target != "wheel":
        return
    context.ensure_build_dir()
    rendered = Path(context.build_dir, "pdm_script", "rendered.py")
    rendered.parent.mkdir(parents=True, exist_ok=True)
    greetings = [path.read_text().strip() for path in sorted(Path(context.root, "templates").glob("*.txt"))]
    rendered.write_text(f"GREETINGS = {greetings!r}\nSUFFIX = {SUFFIX!r}\n")
