"""The ways that matters go through their life-cycles, with how often each is taken, and how many days a step takes."""

LIVES: dict[str, list[tuple[tuple[str, ...], float]]] = {
    "issue": [
        (("raised", "triaged", "assigned", "resolved", "rated"), 0.25),
        (("raised", "triaged", "scheduled", "discussed", "decided", "assigned", "resolved", "published"), 0.22),
        (("raised", "resolved"), 0.12),
        (("raised", "escalated", "resolved", "published", "rated"), 0.1),
        (("raised", "triaged", "rejected", "published"), 0.06),
        (("raised", "withdrawn"), 0.03),
        (("raised", "triaged", "cancelled"), 0.02),
        (("raised", "triaged", "referred_out"), 0.05),
        (("raised", "assigned", "resolved", "reopened", "assigned", "resolved"), 0.06),
        (("raised", "triaged", "assigned", "escalated", "discussed", "decided", "resolved"), 0.05),
        (("raised", "triaged", "scheduled"), 0.04),
    ],
    "dispute": [
        (("intake", "graded", "in_mediation", "agreed", "performed", "closed"), 0.4),
        (("intake", "graded", "diverted", "in_mediation", "agreed", "performed"), 0.16),
        (("intake", "in_mediation", "agreed", "closed"), 0.1),
        (("intake", "graded", "in_mediation", "failed", "closed"), 0.1),
        (("intake", "graded", "in_mediation", "failed", "referred_out"), 0.06),
        (("intake", "in_mediation", "agreed", "reopened", "in_mediation", "agreed"), 0.06),
        (("intake", "withdrawn"), 0.05),
        (("intake", "graded", "diverted", "referred_out"), 0.07),
    ],
    "grant": [
        (
            ("submitted", "reviewed", "approved", "contracted", "disbursed", "disbursed", "reporting", "accepted", "evaluated",
             "closed"),
            0.34,
        ),
        (("round_open", "submitted", "reviewed", "approved", "contracted", "disbursed", "reporting", "accepted"), 0.16),
        (("submitted", "approved", "disbursed", "reporting", "failed"), 0.06),
        (("submitted", "reviewed", "rejected"), 0.26),
        (("submitted", "reviewed", "submitted", "reviewed", "approved"), 0.06),
        (("submitted", "withdrawn"), 0.06),
        (("submitted", "reviewed", "approved", "cancelled"), 0.06),
    ],
    "order": [
        (("placed", "dispatched", "accepted", "served", "rated"), 0.5),
        (("placed", "accepted", "served", "rated"), 0.14),
        (("placed", "served"), 0.1),
        (("placed", "dispatched", "dispatched", "accepted", "served"), 0.06),
        (("placed", "rejected"), 0.05),
        (("placed", "dispatched", "expired"), 0.05),
        (("placed", "cancelled"), 0.05),
        (("placed", "dispatched", "accepted", "served", "rated", "reopened", "dispatched", "served"), 0.05),
    ],
    "disclosure": [
        (("due", "published"), 0.5),
        (("published",), 0.12),
        (("due", "published", "inspected"), 0.14),
        (("due", "published", "inspected", "correction_due", "corrected"), 0.12),
        (("due",), 0.08),
        (("due", "cancelled"), 0.04),
    ],
    "project": [
        (("planned", "surveyed", "designed", "decided", "approved", "in_works", "accepted", "maintained"), 0.45),
        (("planned", "decided", "approved", "in_works", "accepted", "closed"), 0.25),
        (("planned", "approved", "in_works", "failed", "in_works", "accepted"), 0.1),
        (("planned", "approved", "in_works", "failed", "closed"), 0.08),
        (("planned", "surveyed", "designed", "cancelled"), 0.12),
    ],
    "text": [
        (("drafted", "consulted", "adopted", "published"), 0.6),
        (("drafted", "consulted", "rejected", "drafted", "adopted"), 0.1),
        (("drafted", "adopted", "published", "revised", "consulted", "adopted"), 0.12),
        (("drafted", "consulted", "rejected"), 0.08),
        (("drafted", "withdrawn"), 0.1),
    ],
    "tender": [
        (("announced", "bidding", "opened", "scored", "awarded", "contracted"), 0.65),
        (("announced", "bidding", "failed", "announced", "bidding", "opened", "awarded"), 0.15),
        (("announced", "cancelled"), 0.1),
        (("announced", "bidding", "opened", "scored", "failed"), 0.1),
    ],
    "agreement": [
        (("proposed", "signed", "running", "delivered", "reviewed", "renewed"), 0.2),
        (("signed", "running", "delivered", "reviewed"), 0.4),
        (("proposed", "rejected"), 0.1),
        (("proposed", "signed", "running", "terminated"), 0.1),
        (("proposed", "signed", "delivered"), 0.2),
    ],
    "loan": [
        (("lent", "returned"), 0.65),
        (("offered", "lent", "returned"), 0.15),
        (("lent", "overdue", "returned"), 0.1),
        (("lent", "overdue", "lost"), 0.05),
        (("offered", "withdrawn"), 0.05),
    ],
    "incubation": [
        (("admitted", "incubating", "graduated"), 0.65),
        (("admitted", "incubating", "dropped"), 0.25),
        (("admitted", "incubating"), 0.1),
    ],
    "contest_entry": [
        (("interested", "signed_up", "entered", "selected", "awarded"), 0.2),
        (("interested", "signed_up", "entered", "not_selected"), 0.25),
        (("signed_up", "entered", "selected"), 0.2),
        (("interested",), 0.15),
        (("interested", "signed_up", "withdrawn"), 0.1),
        (("entered", "not_selected"), 0.1),
    ],
}

STEP_DAYS = {
    "issue": 4.0, "dispute": 6.0, "grant": 22.0, "order": 0.6, "disclosure": 6.0, "project": 28.0, "text": 18.0, "tender": 9.0,
    "agreement": 35.0, "loan": 5.0, "incubation": 90.0, "contest_entry": 7.0,
}  # fmt: skip
DUE_DAYS = {"issue": 30, "dispute": 30, "order": 3, "disclosure": 10, "project": 180, "grant": 240, "loan": 10}
RESPONSE_HOURS = {"issue": 48, "dispute": 24, "order": 12}

# Once on the way of a life, not allowed: what a platform lets people enter all the same.
ILLEGAL = [
    ("issue", ("raised", "resolved", "assigned")),
    ("issue", ("triaged", "assigned", "resolved")),
    ("dispute", ("intake", "closed")),
    ("order", ("placed", "rated", "served")),
    ("project", ("planned", "accepted", "approved")),
]
