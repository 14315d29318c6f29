"""What a gate found, and how it is told to people: expected, found, where to look, what to do."""

from __future__ import annotations

from dataclasses import dataclass, field

# Rows that a message names, and that the ledger keeps, of each expectation that fails.
SAMPLE_ROWS = 5
KEPT_ROWS = 100
MESSAGE_PARTS = ("expected", "found", "look at", "do")


@dataclass(frozen=True)
class CheckResult:
    """The outcome of one expectation.

    `observed` says in words what was found; `unexpected_count` counts the rows that break the expectation (None where
    rows do not apply); `message` is empty when it holds. `integrity` is the rule of `expectations.rule.INTEGRITY` that it serves.
    `rows` are the first rows that break it, by their keys; a report from the ledger has none.
    """

    suite: str
    batch_id: str | None
    expectation: str
    column: str | None
    severity: str
    success: bool
    observed: str
    unexpected_count: int | None
    message: str
    integrity: str | None = None
    rows: tuple[dict[str, object], ...] = field(default=(), compare=False)

    @property
    def blocks(self) -> bool:
        """Whether this result stops what the gate guards."""
        return not self.success and self.severity == "critical"


@dataclass(frozen=True)
class GateReport:
    """The verdict of one gate (`raw` or `marts`) in one run. `subject` is `raw.<source>` or `marts`."""

    gate: str
    subject: str
    run_id: str
    results: list[CheckResult] = field(default_factory=list)

    @property
    def failures(self) -> list[CheckResult]:
        """Critical expectations that do not hold."""
        return [result for result in self.results if result.blocks]

    @property
    def warnings(self) -> list[CheckResult]:
        """Other expectations that do not hold."""
        return [result for result in self.results if not result.success and not result.blocks]

    @property
    def passed(self) -> bool:
        """True when no critical expectation failed (for `raw`: in any batch)."""
        return not self.failures

    @property
    def blocked_batches(self) -> list[str]:
        """The batches with a critical failure, in the order they were gated."""
        return list(dict.fromkeys(result.batch_id for result in self.failures if result.batch_id))

    def __str__(self) -> str:
        batches = {result.batch_id for result in self.results if result.batch_id}
        verdict = "passed" if self.passed else "FAILED"
        head = f"Gate {self.subject}: {verdict} ({f'batches: {len(batches)}, ' if batches else ''}checks: {len(self.results)}, "
        head += f"critical failures: {len(self.failures)}, warnings: {len(self.warnings)})"
        return "\n".join([head, *(_paragraph(result) for result in [*self.failures, *self.warnings])])


def _paragraph(result: CheckResult) -> str:
    batch = f" [{result.batch_id}]" if result.batch_id else ""
    text = result.message
    for part in MESSAGE_PARTS[1:]:
        text = text.replace(f"; {part}: ", f"\n    {part}: ", 1)
    return f"- {result.severity.upper()} {result.suite}{batch} {result.expectation}\n    {text}"


class GateFailed(RuntimeError):
    """What should be published broke a critical expectation; nothing is published. `report` has the details."""

    def __init__(self, report: GateReport) -> None:
        super().__init__(str(report))
        self.report = report


class GateCrashed(RuntimeError):
    """A suite could not be evaluated. The data it guards is neither accepted nor published."""


def message(expected: str, found: str, where: str, advice: str) -> str:
    """One line that names what was expected, what was found, where to look and what to do."""
    return "; ".join(f"{part}: {text}" for part, text in zip(MESSAGE_PARTS, (expected, found, where, advice)))
