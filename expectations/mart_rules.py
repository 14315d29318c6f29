"""What must hold for the marts before they are published: SQL for the rows that break it, per table.

In the SQL `batch` is the table itself, and {name} another table of the build. That keys are unique and point to each other is
tested by dbt in each build, and not again here but for places.
"""

from __future__ import annotations

from expectations.fact_rules import FACT_RULES
from expectations.rule import Rule

OUTCOMES = "('open', 'resolved', 'rejected', 'withdrawn', 'cancelled', 'referred_out')"
INTERVALS = "('valid', 'open', 'missing_end', 'invalid_interval')"


# From the top of a tree down. Other levels may lie anywhere, and anything may lie right below the top.
LEVELS = ("district", "town", "community", "estate", "grid", "facility", "building")
RANK = "map {'district': 1, 'town': 2, 'community': 3, 'estate': 4, 'grid': 4, 'facility': 4, 'building': 5}"
# The day on which what a row tells of happened.
EVENT_DATES = {
    "fct_activity": "if(is_held, activity_date, null)", "fct_case": "opened_date", "fct_evaluation": "evaluated_date",
    "fct_money": "money_date", "fct_participation": "participation_date", "fct_points": "posted_date", "fct_vote": "vote_date",
}  # fmt: skip
# Facts whose rows of the unknown member wait in quality_unmatched_place, by the record that it calls them.
QUEUED = {f"fct_{record}": record for record in ("activity", "case", "money", "participation", "points", "vote")}


def rules_of(table: str, columns: list[str]) -> list[Rule]:
    """All rules of a table of the marts: its own, and those that its columns bring with them.

    Args: table: its name. columns: their names, the key first.
    """
    key = columns[0]
    rules = [*MART_RULES.get(table, [])]
    if table != "dim_place" and "place_key" in columns and table[:4] in ("dim_", "fct_"):
        rules.append(
            Rule(
                "every_row_belongs_to_a_known_place",
                "a place_key of dim_place",
                f"select {key}, place_key from batch "
                "where place_key is null or place_key not in (select place_key from {dim_place})",
                "places that do not resolve belong to the tree's unknown member: see macros/resolve_place.sql",
                column="place_key",
                integrity="R14",
            )
        )
    if table in QUEUED:
        rules.append(
            Rule(
                "every_row_of_an_unknown_place_is_queued",
                "as many rows of a source with the unknown member as quality_unmatched_place has waiting",
                f"""select source, unknown_count, coalesce(queued_count, 0) as queued_count from (
                    select source, count(*) as unknown_count from batch
                    where place_key in (select place_key from {{dim_place}} where place_level = 'unknown') group by all
                ) left join (
                    select source, sum(row_count) as queued_count from {{quality_unmatched_place}}
                    where record = '{QUEUED[table]}' and place_match = 'unknown' group by all
                ) using (source) where unknown_count > coalesce(queued_count, 0)""",
                "a name was dropped on its way: see models/marts/quality/quality_unmatched_place.sql",
                column="place_key",
                integrity="R14",
            )
        )
    if {"as_of_date", "source", "file_id"} <= set(columns):
        rules.append(
            Rule(
                "nothing_is_known_before_its_file_came",
                "as_of_date not after the day on which the file was loaded",
                f"""select {key}, as_of_date, loaded_on, file_name from batch inner join (
                    select batch.source, batch.file_id, any_value(file_name) as file_name, max(loaded_at)::date + 1 as loaded_on
                    from ops.batch as batch inner join ops.file as file using (source, file_id) group by all
                ) using (source, file_id) where as_of_date > loaded_on""",
                "the date in the file's name lies in the future: ask the source's owner, and land it under its right name",
                severity="warning",
                column="as_of_date",
                integrity="R19",
            )
        )
    if table in EVENT_DATES and "as_of_date" in columns:
        event = EVENT_DATES[table]
        rules.append(
            Rule(
                "nothing_happened_after_what_is_known",
                "the day of what happened not after as_of_date",
                f"select {key}, {event} as happened_on, as_of_date from batch where {event} > as_of_date",
                "the date in the file's name is earlier than its rows, or a row is dated wrongly: ask the source's owner",
                severity="warning",
                column="as_of_date",
                integrity="R19",
            )
        )
    return rules


MART_RULES: dict[str, list[Rule]] = {
    "kpi_survival_curve": [
        Rule(
            "a_curve_falls_from_1_to_0_within_its_interval",
            "open_share between 0 and 1, between lower and upper where they are known, and never larger than on the day before",
            """select place_key, period_type, period_start, elapsed_days, open_share, lower, upper from (
                select *, lag(open_share) over (partition by place_key, period_type, period_start order by elapsed_days) as before
                from batch
            ) where open_share is null or open_share < 0 or open_share > 1 or open_share > before
                or lower > open_share or upper < open_share""",
            "see models/kpis/kpi_survival_curve.sql",
            column="open_share",
        ),
    ],
    **FACT_RULES,
    "dim_place": [
        Rule(
            "every_parent_is_a_place_of_the_same_tree",
            "a parent_place_key of dim_place in the same tree, or none at the top",
            """select batch.place_key, batch.parent_place_key from batch
            left join {dim_place} as parents on batch.parent_place_key = parents.place_key
            where batch.parent_place_key is not null and (parents.tree is distinct from batch.tree
                or batch.parent_place_key = batch.place_key)""",
            "mend the place register of that tree",
            column="parent_place_key",
            integrity="R14",
        ),
        Rule(
            "every_parent_is_of_a_higher_level",
            f"a parent of a higher level than its child ({', '.join(LEVELS)}), and no parent at the top only",
            f"""select batch.place_key, batch.place_level, batch.parent_place_key, parents.place_level as parent_level from batch
            left join (select distinct place_key, place_level, parent_place_key from {{dim_place}}) as parents
                on batch.parent_place_key = parents.place_key
            where batch.parent_place_key is not null and parents.parent_place_key is not null
                    and {RANK}[batch.place_level] is not null
                    and not coalesce({RANK}[parents.place_level] < {RANK}[batch.place_level], false)
                or batch.parent_place_key is not null and parents.place_key is null
                or batch.parent_place_key is null and batch.place_level = 'unknown'""",
            "mend the place register: a place without a parent, or below one of its own kind, is left out on the way up",
            column="parent_place_key",
            integrity="R14",
        ),
    ],
    "dim_survey": [
        Rule(
            "a_wave_ends_after_it_starts",
            "opened_date not after closed_date",
            "select survey_key, opened_date, closed_date from batch where opened_date > closed_date",
            "look at the dates of its first and last answer",
            integrity="R10",
        ),
        Rule(
            "no_more_questionnaires_return_than_were_issued",
            "returned_count at most issued_count, where it is known",
            "select survey_key, issued_count, returned_count from batch "
            "where returned_count > issued_count or returned_count < 0",
            "ask who ran the survey for the number issued",
            severity="warning",
            column="returned_count",
            integrity="R2",
        ),
        Rule(
            "no_more_questionnaires_are_valid_than_return",
            "valid_count at most returned_count, where both are known",
            "select survey_key, returned_count, valid_count from batch where valid_count > returned_count or valid_count < 0",
            "ask who ran the survey for the number valid",
            severity="warning",
            column="valid_count",
            integrity="R2",
        ),
    ],
    "fct_answer": [
        Rule(
            "every_answer_belongs_to_a_wave_and_a_question",
            "a survey_key of dim_survey and a question_key of dim_question",
            """select answer_key, survey_key, question_key from batch
            where survey_key is null or survey_key not in (select survey_key from {dim_survey})
                or question_key is null or question_key not in (select question_key from {dim_question})""",
            "see models/intermediate/survey",
            integrity="R5",
        ),
        Rule(
            "valid_answers_lie_on_the_scale_of_their_question",
            "a number between scale_min and scale_max exactly when is_valid, and satisfied answers are valid",
            """select answer_key, question_key, answer_number, is_valid, is_satisfied from batch
            inner join {dim_question} as questions using (question_key)
            where is_valid is distinct from coalesce(answer_number between scale_min and scale_max, false)
                or (is_satisfied and not is_valid)""",
            "missing codes are never scores: compare the codes in the declaration of the source with the codebook",
            column="answer_number",
        ),
    ],
    "fct_case": [
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
            "only_resolved_cases_are_rated",
            "a rating on resolved cases only",
            "select case_key, outcome, rating from batch where rating is not null and not coalesce(is_resolved, false)",
            "see the staging model of the source: a rating of something that was not done is no rating",
            severity="warning",
            column="rating",
            integrity="R1",
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
            integrity="R19",
        ),
    ],
    "fct_case_event": [
        Rule(
            "every_event_is_of_a_case_and_after_it_was_raised",
            "a case_key of fct_case, and occurred_at not before the day on which the case was raised",
            """select case_event_key, batch.case_key, batch.state, occurred_at, opened_at from batch
            left join {fct_case} as cases on batch.case_key = cases.case_key
            where cases.case_key is null or occurred_at < opened_at""",
            "ask the source's owner which of the two dates is right",
            severity="warning",
            column="occurred_at",
            integrity="R10",
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
}
