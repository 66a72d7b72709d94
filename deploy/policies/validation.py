"""Findings of cloudformation-validate in a template: its built-in rules and ours. Reaches no network."""

from pathlib import Path
from typing import Final

from cloudformation_validate import (
    CompositeEngine,
    CompositeEngineConfig,
    Diagnostic,
    ReportStatus,
    RuleFilterConfig,
    Severity,
    TemplateContent,
    ValidateConfig,
    file_to_external_rule_source,
)

DEPLOY: Final = Path(__file__).resolve().parents[1]
RULES: Final = DEPLOY / "policies" / "rules.guard"
_FAILURES: Final = frozenset({Severity.WARN, Severity.ERROR, Severity.FATAL})  # INFO lists what cannot be changed later
#: Built-in rules that are wrong here, each with its reason.
PASSED_OVER: Final = {
    "W1030": "It takes the empty default of a parameter for a value, though a condition leaves the property out.",
}


class Validator:
    """The rules, compiled once (a second); each template then takes a few hundredths."""

    def __init__(self) -> None:
        """Compile the rules. Raises ValidationError if ``rules.guard`` cannot be parsed."""
        self._engine = CompositeEngine(CompositeEngineConfig(guard_rules=[file_to_external_rule_source(RULES)]))
        self._config = ValidateConfig(exclude=RuleFilterConfig(ids=list(PASSED_OVER)))

    def find(self, text: str, *, name: str) -> list[str]:
        """Return what is wrong with a template, one line each: ``name:line rule resource: what``."""
        report = self._engine.validate_template(TemplateContent(text, name), self._config)
        found = [_line(name, each) for each in report.diagnostics if each.severity in _FAILURES]
        if report.status is not ReportStatus.OK:
            found.append(f"{name}: the analysis ended with {report.status.name}")
        return list(dict.fromkeys(found))


def templates() -> list[Path]:
    """Return every template of the tree."""
    return sorted(DEPLOY.rglob("*.yaml"))


def _line(name: str, found: Diagnostic) -> str:
    resource = "" if found.entity is None else f" {found.entity.logical_id}"
    return f"{name}:{found.start_line or 1} {found.rule_id}{resource}: {found.message}"
