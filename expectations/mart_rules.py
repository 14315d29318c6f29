"""What must hold for places and facts before they are published: SQL for the rows that break it, per table.

In the SQL `batch` is the table itself; {places}, {surveys} and {questions} are other tables of the build. That keys are
unique and point to each other is tested by dbt in each build, and not again here.
"""

from __future__ import annotations

from expectations.kpi_rules import Rule

OUTCOMES = "('open', 'resolved', 'rejected', 'withdrawn', 'cancelled', 'referred_out')"
INTERVALS = "('valid', 'open', 'missing_end', 'invalid_interval')"


def in_known_place(key: str) -> Rule:
    """Every row of a fact belongs to a place. `key`: the key column of the fact."""
    return Rule(
        "every_row_belongs_to_a_known_place",
        "a place_key of dim_place",
        f"select {key}, place_key from batch where place_key is null or place_key not in (select place_key from {{places}})",
        "places that do not resolve belong to the tree's unknown member: see macros/resolve_place.sql",
        column="place_key",
    )


MART_RULES: dict[str, list[Rule]] = {
    "dim_place": [
        Rule(
            "every_parent_is_a_place_of_the_same_tree",
            "a parent_place_key of dim_place in the same tree, or none at the top",
            """select batch.place_key, batch.parent_place_key from batch
            left join {places} as parents on batch.parent_place_key = parents.place_key
            where batch.parent_place_key is not null and (parents.tree is distinct from batch.tree
                or batch.parent_place_key = batch.place_key)""",
            "mend the place register of that tree",
            column="parent_place_key",
        ),
    ],
    "dim_survey": [
        in_known_place("survey_key"),
        Rule(
            "a_wave_ends_after_it_starts",
            "opened_date not after closed_date",
            "select survey_key, opened_date, closed_date from batch where opened_date > closed_date",
            "look at the dates of its first and last answer",
        ),
        Rule(
            "no_more_questionnaires_return_than_were_issued",
            "returned_count at most issued_count, where it is known",
            "select survey_key, issued_count, returned_count from batch "
            "where returned_count > issued_count or returned_count < 0",
            "ask who ran the survey for the number issued",
            severity="warning",
            column="returned_count",
        ),
    ],
    "fct_activity": [
        in_known_place("activity_key"),
        Rule(
            "headcounts_are_not_negative",
            "attendance_count of 0 or more, or unknown",
            "select activity_key, attendance_count from batch where attendance_count < 0",
            "see the staging model of the source",
            column="attendance_count",
        ),
        Rule(
            "an_activity_is_held_when_its_state_says_so",
            "is_held exactly when state is held",
            "select activity_key, state, is_held from batch where is_held is distinct from (state = 'held')",
            "see models/intermediate/activity/int_activity.sql",
            column="is_held",
        ),
    ],
    "fct_answer": [
        in_known_place("answer_key"),
        Rule(
            "every_answer_belongs_to_a_wave_and_a_question",
            "a survey_key of dim_survey and a question_key of dim_question",
            """select answer_key, survey_key, question_key from batch
            where survey_key is null or survey_key not in (select survey_key from {surveys})
                or question_key is null or question_key not in (select question_key from {questions})""",
            "see models/intermediate/survey",
        ),
        Rule(
            "valid_answers_lie_on_the_scale_of_their_question",
            "a number between scale_min and scale_max exactly when is_valid, and satisfied answers are valid",
            """select answer_key, question_key, answer_number, is_valid, is_satisfied from batch
            inner join {questions} as questions using (question_key)
            where is_valid is distinct from coalesce(answer_number between scale_min and scale_max, false)
                or (is_satisfied and not is_valid)""",
            "missing codes are never scores: compare the codes in the declaration of the source with the codebook",
            column="answer_number",
        ),
    ],
    "fct_case": [
        in_known_place("case_key"),
        Rule(
            "outcome_and_interval_are_known_codes",
            f"outcome one of {OUTCOMES}, interval_status one of {INTERVALS}",
            f"""select case_key, outcome, interval_status from batch
            where outcome is null or outcome not in {OUTCOMES} or interval_status is null
                or interval_status not in {INTERVALS}""",
            "add the state to the value map of its source",
            column="outcome",
        ),
        Rule(
            "a_case_is_resolved_when_its_outcome_says_so",
            "is_resolved exactly when outcome is resolved; no interval open then, and none but open for open cases",
            """select case_key, outcome, is_resolved, interval_status from batch
            where is_resolved is distinct from (outcome = 'resolved')
                or (interval_status = 'open') is distinct from (outcome = 'open')""",
            "status and dates are separate facts: see models/intermediate/case/int_case.sql",
            column="is_resolved",
        ),
        Rule(
            "a_case_ends_after_it_was_raised_or_says_otherwise",
            "ended_at not before opened_at unless interval_status is invalid_interval",
            """select case_key, opened_at, ended_at, interval_status from batch
            where interval_status = 'valid' and (ended_at is null or ended_at < opened_at)
                or interval_status = 'invalid_interval' and coalesce(ended_at >= opened_at, true)
                or interval_status in ('open', 'missing_end') and ended_at is not null""",
            "see models/intermediate/case/int_case.sql",
            column="ended_at",
        ),
        Rule(
            "durations_are_positive_and_of_valid_intervals",
            "resolution_days of 0 or more exactly for resolved cases with a valid interval",
            """select case_key, interval_status, resolution_days, observed_days from batch
            where resolution_days < 0 or observed_days < 0
                or (resolution_days is not null) is distinct from (is_resolved and interval_status = 'valid')""",
            "see models/intermediate/case/int_case.sql",
            column="resolution_days",
        ),
        Rule(
            "no_case_is_raised_after_what_is_known",
            "opened_at not after observed_until_at",
            "select case_key, opened_at, observed_until_at from batch where opened_at > observed_until_at",
            "the date in the file's name is earlier than its rows: ask the source's owner",
            severity="warning",
            column="opened_at",
        ),
    ],
    "fct_money": [
        in_known_place("money_key"),
        Rule(
            "every_amount_has_a_currency",
            "an amount (but for donations in kind), and a currency of three capital letters",
            "select money_key, amount, currency from batch where amount is null and kind != 'in_kind_donation' "
            "or amount is not null and (currency is null or not regexp_full_match(currency, '[A-Z]{3}'))",
            "see the staging model of the source; currencies never add",
            column="currency",
        ),
    ],
    "kpi_recoverable": [
        Rule(
            "no_count_of_few_people_is_shown_or_can_be_worked_out",
            "no row: every count of 1 to k-1 people is hidden, and does not follow from the counts that are shown",
            "select * from batch",
            "see docs/decisions/0008-suppression.md; `gmw sql` on kpis.kpi_cell of the build database names the count",
            column="cell_no",
        ),
    ],
    "fct_population": [
        in_known_place("population_key"),
        Rule(
            "population_lies_within_its_bounds",
            "0 ≤ lower ≤ value ≤ upper",
            "select population_key, lower, value, upper from batch where value < 0 or lower > value or upper < value",
            "see the staging model of the source",
            column="value",
        ),
    ],
}
