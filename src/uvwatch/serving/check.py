"""What ``uvwatch check`` found, as a value, as JSON and as text.

It knows how stale files are told. It must not know how they were found.
"""

from dataclasses import dataclass

from uvwatch.core.model import Failure, Stale
from uvwatch.serving.escape import escaped
from uvwatch.serving.jsonlines import SCHEMA, Object, failure_object
from uvwatch.serving.lines import counted, message_of, problem


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedDistribution:
    """One distribution: ``root`` is absolute; ``fresh`` is None when it could not be found out."""

    name: str
    root: str
    editable: bool
    fresh: bool | None
    stale: tuple[Stale, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """A whole environment: ``fresh`` is None when it could not be found out, and ``error`` then says why."""

    fresh: bool | None
    environment: str
    error: Failure | None = None
    distributions: tuple[CheckedDistribution, ...] = ()


def check_object(report: CheckReport) -> Object:
    """Give the object that ``uvwatch check --json`` prints."""
    return {
        "schema": SCHEMA,
        "fresh": report.fresh,
        "environment": report.environment,
        "error": failure_object(report.error) if report.error else None,
        "distributions": [
            {
                "name": one.name,
                "root": one.root,
                "editable": one.editable,
                "fresh": one.fresh,
                "stale": [{"path": file.path, "source": file.source, "why": file.why.value} for file in one.stale],
            }
            for one in report.distributions
        ],
    }


def check_lines(report: CheckReport) -> tuple[str, ...]:
    """Give the text of ``uvwatch check``, line by line: each distribution, its stale files, and the error last."""
    told = [line for one in report.distributions for line in _distribution(one)]
    if report.error is not None:
        place = problem(report.error)
        told += [place] if place else []
        told.append(escaped(f"could not find out: {message_of(report.error)}"))
    elif not told:
        told.append(escaped(f"no local distributions in {report.environment}"))
    return tuple(told)


def _distribution(checked: CheckedDistribution) -> list[str]:
    if checked.fresh is None:
        return [escaped(f"{checked.name}: could not find out")]
    if checked.fresh:
        return [escaped(f"{checked.name} is fresh")]
    count = f": {counted(len(checked.stale), 'file')}" if checked.stale else ""
    width = max((len(file.why.value) for file in checked.stale), default=0)
    return [escaped(f"{checked.name} is stale{count}"), *(_file(file, width) for file in checked.stale)]


def _file(file: Stale, width: int) -> str:
    source = f" (from {file.source})" if file.source not in (None, file.path) else ""
    return escaped(f"  {file.why.value:<{width}}  {file.path}{source}")
