"""What ``uvwatch doctor`` found, as JSON and as text. It must not know how it was found."""

from collections.abc import Sequence

from uvwatch.core.findings import Finding
from uvwatch.serving.escape import escaped
from uvwatch.serving.jsonlines import SCHEMA, Object


def finding_object(finding: Finding) -> Object:
    """Give the object that ``uvwatch doctor --json`` prints for a finding."""
    return {
        "schema": SCHEMA,
        "code": finding.code.value,
        "severity": finding.severity.value,
        "message": finding.message,
        "remedy": finding.remedy,
    }


def finding_lines(findings: Sequence[Finding]) -> tuple[str, ...]:
    """Give the text of ``uvwatch doctor``, line by line."""
    if not findings:
        return ("nothing is wrong",)
    return tuple(
        escaped(line)
        for each in findings
        for line in (f"{each.severity.value}: {each.code.value}: {each.message}", f"  remedy: {each.remedy}")
    )
