"""The life-cycles of cases, votes and participations, as the seeds of the warehouse list them."""

from __future__ import annotations

from samples.catalogue import seed

MACHINES = {(row["record"], row["kind"]): row["machine"] for row in seed("kind") if row["machine"]}
# What becomes of a case in a state; None: the state leaves the outcome as it was.
OUTCOMES = {(row["machine"], row["state"]): row["outcome"] or None for row in seed("state_machine")}
INITIAL = {(row["machine"], row["state"]) for row in seed("state_machine") if row["is_initial"] == "true"}
TRANSITIONS = {(row["machine"], row["from_state"], row["to_state"]) for row in seed("state_transition")}


def is_legal(machine: str, path: tuple[str, ...]) -> bool:
    """Whether a life may begin with the first of these states and go on through the others."""
    return (machine, path[0]) in INITIAL and all(
        (machine, before, after) in TRANSITIONS for before, after in zip(path, path[1:], strict=False)
    )
