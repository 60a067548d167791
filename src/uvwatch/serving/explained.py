"""What ``uvwatch explain`` found of one path, as JSON and as text. It must not know how it was found."""

from uvwatch.core.explain import Explained
from uvwatch.serving.escape import escaped
from uvwatch.serving.jsonlines import SCHEMA, Object


def explained_object(each: Explained) -> Object:
    """Give the object that ``uvwatch explain --json`` prints for a path."""
    return {
        "schema": SCHEMA,
        "path": each.path,
        "role": each.role.value,
        "rule": each.rule,
        "distribution": each.distribution,
        "installed": list(each.installed),
        "fresh": each.fresh,
        "on_change": each.on_change,
        "remedy": each.remedy,
    }


def unknown_object(path: str, why: str) -> Object:
    """Give the object for a path that nothing is known of, as it was typed; ``rule`` says why."""
    return {
        "schema": SCHEMA,
        "path": path,
        "role": None,
        "rule": why,
        "distribution": None,
        "installed": [],
        "fresh": None,
        "on_change": "nothing",
        "remedy": None,
    }


def explained_lines(each: Explained) -> tuple[str, ...]:
    """Give the text of ``uvwatch explain`` for a path, line by line."""
    state = {True: " (fresh)", False: " (stale)", None: ""}[each.fresh]
    lines = [
        f"{each.path}: {each.role.value}" + (f" of {each.distribution}" if each.distribution else ""),
        f"  rule: {each.rule}",
        f"  installed: {', '.join(each.installed) or 'nowhere'}{state}",
        f"  on change: {each.on_change}",
    ]
    if each.remedy:
        lines.append(f"  to have it in the wheel: {each.remedy}")
    return tuple(escaped(line) for line in lines)
