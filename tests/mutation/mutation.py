"""What a mutation is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutation:
    """One fault. `fault` says what is wrong with the data, `caught_by` names the expectation that must say so.

    `suite`: of the gate, such as `marts.fct_money` or `raw.issue_ledger`. `target`: SQL of one row of texts that names what is hit;
    one failing row must hold all of them. `change`: SQL of the fault, with {0}, {1}… for the texts of the target. `batch`: of a raw
    suite, which batch is judged: SQL of its batch_id. `alone`: nothing else can be put into the table at the same time.
    """

    suite: str
    fault: str
    caught_by: str
    target: str
    change: str
    batch: str | None = None
    alone: bool = False

    @property
    def tables(self) -> list[str]:
        """The tables that the change touches."""
        words = self.change.replace(";", " ").split()
        after = {"update": 1, "from": 1, "into": 1, "table": 1}
        found = [words[number + after[word.lower()]] for number, word in enumerate(words[:-1]) if word.lower() in after]
        schemas = ("raw.", "ops.", "marts.", "kpis.", "seeds.")
        return sorted({word.strip("(),") for word in found if word.startswith(schemas)})
