"""Faults of places, facts and the lists around them."""

from __future__ import annotations

from tests.mutation.mutation import Mutation

MOBILE = "13912345678"


def fact(table: str, fault: str, caught_by: str, change: str, where: str = "true", key: str | None = None) -> Mutation:
    """A fault of one row of a table of the marts. `change`: the SET of an update. `where`: which row."""
    key = key or f"{table.removeprefix('fct_').removeprefix('dim_')}_key"
    return Mutation(
        f"marts.{table}", fault, caught_by, f"select {key} from marts.{table} where {where} order by all limit 1",
        f"update marts.{table} set {change} where {key} = '{{0}}'",
    )  # fmt: skip


def personal(table: str, column: str, key: str, schema: str = "marts") -> Mutation:
    """A mobile number in a column of text."""
    return Mutation(
        f"{schema}.{table}", f"a mobile number in {column}", "no_personal_data_in_text",
        f"select '{column}', {key}::varchar from {schema}.{table} order by all limit 1",
        f"update {schema}.{table} set {column} = '电话{MOBILE}' where {key}::varchar = '{{1}}'",
    )  # fmt: skip


def not_known(table: str, key: str | None = None) -> Mutation:
    """A row that hangs on a place that nobody knows."""
    return fact(table, "a place that nobody knows", "every_row_belongs_to_a_known_place", "place_key = 'nowhere'", key=key)


def not_queued(table: str, record: str) -> Mutation:
    """A row of the unknown member whose name waits in no list."""
    return Mutation(
        f"marts.{table}", "a place that is unknown, and in no list", "every_row_of_an_unknown_place_is_queued",
        f"select source from marts.quality_unmatched_place where record = '{record}' and place_match = 'unknown' order by all limit 1",
        f"delete from marts.quality_unmatched_place where record = '{record}' and source = '{{0}}'",
    )  # fmt: skip


def from_tomorrow(table: str, key: str | None = None) -> Mutation:
    """A row that is known up to a day after its file came."""
    return fact(
        table, "known up to a day after the load", "nothing_is_known_before_its_file_came", "as_of_date = current_date + 30", key=key
    )


def after_what_is_known(table: str, column: str, where: str = "true") -> Mutation:
    """A row about a day after the day up to which it is known."""
    return fact(
        table, "it happened after what is known", "nothing_happened_after_what_is_known",
        f"{column} = as_of_date + 1", where,
    )  # fmt: skip


PLACED = ["dim_survey", "fct_activity", "fct_answer", "fct_case", "fct_evaluation", "fct_figure", "fct_money", "fct_participation",
          "fct_points", "fct_population", "fct_role", "fct_vote"]  # fmt: skip
DATED = ["fct_activity", "fct_case", "fct_evaluation", "fct_figure", "fct_money", "fct_participation", "fct_points",
         "fct_population", "fct_role", "fct_vote"]  # fmt: skip
PERSONAL = [
    ("dim_calendar", "holiday_name", "day"), ("dim_organisation", "organisation_name", "row_no"),
    ("dim_place", "place_name", "row_no"), ("dim_place_change", "document_no", "row_no"),
    ("dim_question", "question_text", "question_key"), ("fct_activity", "activity_name", "row_no"),
    ("process_coverage", "name_zh", "process_code"),
    ("quality_unmatched_place", "place_name", "source"),
]  # fmt: skip

OF_MARTS = [
    Mutation(
        "marts", "a table that readers rely on is gone", "every_table_that_readers_rely_on_exists_once", "select 'fct_population'",
        "drop table marts.fct_population", alone=True,
    ),
    Mutation(
        "marts", "a source of monthly files is silent for half a year", "every_source_has_delivered_lately", "select 'issue_ledger'",
        "update ops.file set as_of = as_of - 180 where source = '{0}'",
    ),
    Mutation(
        "marts", "a file is blocked", "no_batch_waits_or_is_blocked", "select 'points_ledger'",
        "update ops.batch set status = 'blocked' where source = '{0}'",
    ),
    Mutation(
        "marts", "a correction of a value that the file does not hold", "no_correction_is_outdated",
        "select 'C1', file_name from ops.file inner join ops.batch using (source, file_id) where source = 'issue_ledger' "
        "order by batch_id limit 1",
        "insert into seeds.correction (correction_id, source, file, row_no, column_name, found_value, corrected_value, corrected_on) "
        "values ('{0}', 'issue_ledger', '{1}', 2, 'state', 'a', 'b', current_date); "
        "insert into ops.correction_outcome values ((select min(batch_id) from "
        "ops.batch where source = 'issue_ledger'), '{0}', 2, 'state', 'a', 'b', 'differs', now())",
    ),
    Mutation(
        "marts", "a correction that came after its file was loaded", "every_correction_is_applied",
        "select 'C2', 'issue_ledger'",
        "insert into seeds.correction (correction_id, source, file, row_no, column_name, found_value, corrected_value, corrected_on) "
        "select '{0}', '{1}', file_name, 2, 'state', 'a', 'b', current_date from ops.file where source = '{1}' limit 1",
    ),
    Mutation(
        "marts.dim_place", "a community below another tree", "every_parent_is_a_place_of_the_same_tree",
        "select place_key, other.key from marts.dim_place, (select place_key as key from marts.dim_place where place_level = "
        "'publications') as other where place_level = 'community' order by all limit 1",
        "update marts.dim_place set parent_place_key = '{1}' where place_key = '{0}'",
    ),
    fact("dim_place", "a town below one of its communities", "every_parent_is_of_a_higher_level",
         "parent_place_key = (select min(place_key) from marts.dim_place where place_level = 'community')", "place_level = 'town'"),
    fact("dim_survey", "a wave that ends before it starts", "a_wave_ends_after_it_starts", "closed_date = opened_date - 1"),
    fact("dim_survey", "more questionnaires returned than issued", "no_more_questionnaires_return_than_were_issued",
         "returned_count = issued_count + 1", "issued_count is not null"),
    fact("dim_survey", "more questionnaires valid than returned", "no_more_questionnaires_are_valid_than_return",
         "valid_count = returned_count + 1", "returned_count is not null"),
    fact("fct_activity", "a negative headcount", "headcounts_are_not_negative", "attendance_count = -1", "attendance_count = 12"),
    fact("fct_activity", "a cancelled activity that was held", "an_activity_is_held_when_its_state_says_so", "is_held = true",
         "state = 'cancelled'"),
    fact("fct_activity", "90 000 in a hall for 40", "attendances_fit_into_the_venue", "attendance_count = 90000, venue_capacity = 40"),
    Mutation(
        "marts.fct_activity", "a year without its holidays", "the_calendar_knows_the_years_of_the_activities",
        "select '2026'", "delete from marts.dim_calendar where year(day) = {0}",
    ),
    fact("fct_answer", "an answer to no survey", "every_answer_belongs_to_a_wave_and_a_question", "survey_key = 'none'"),
    fact("fct_answer", "a 9 that stands for no answer, as a score", "valid_answers_lie_on_the_scale_of_their_question",
         "answer_number = 99", "is_valid"),
    fact("fct_case", "an outcome that nobody knows", "outcome_and_interval_are_known_codes", "outcome = '待定'"),
    fact("fct_case", "resolved without having the outcome", "a_case_is_resolved_when_its_outcome_says_so", "is_resolved = true",
         "outcome = 'rejected'"),
    fact("fct_case", "a rating of a case that is open", "only_resolved_cases_are_rated", "rating = 5", "outcome = 'open'"),
    fact("fct_case", "an end before the beginning", "a_case_ends_after_it_was_raised_or_says_otherwise",
         "ended_at = opened_at - interval 1 day", "interval_status = 'valid'"),
    fact("fct_case", "a negative duration", "durations_are_positive_and_of_valid_intervals", "resolution_days = -1",
         "resolution_days is not null"),
    fact("fct_case", "raised after what is known", "no_case_is_raised_after_what_is_known",
         "observed_until_at = opened_at - interval 1 day"),
    Mutation(
        "marts.fct_case_event", "decided before it was raised", "every_event_is_of_a_case_and_after_it_was_raised",
        "select max(case_event_key) from marts.fct_case_event",
        "update marts.fct_case_event set occurred_at = occurred_at - interval 400 day where case_event_key = '{0}'",
    ),
    Mutation(
        "marts.fct_case_event", "an event of no case", "every_event_is_of_a_case_and_after_it_was_raised",
        "select min(case_event_key) from marts.fct_case_event",
        "update marts.fct_case_event set case_key = 'none' where case_event_key = '{0}'",
    ),
    fact("fct_evaluation", "11 points of 10", "scores_lie_on_their_scale", "score = scale_max + 1", "scale_max is not null"),
    fact("fct_figure", "a value above its upper bound", "a_figure_lies_within_its_bounds", "upper = value - 1, lower = value - 2"),
    Mutation(
        "marts.fct_figure", "a sum so far that falls", "what_is_cumulated_does_not_fall",
        "select figure_key from marts.fct_figure where source = 'monthly_report' and period_start = date '2024-10-01' and "
        "measure = '活动场次' order by period_end desc, figure_key limit 1",
        "update marts.fct_figure set value = 0, lower = null, upper = null where figure_key = '{0}'",
    ),
    fact("fct_money", "an amount without a currency", "every_amount_has_a_currency", "currency = null", "kind = 'award'"),
    fact("fct_money", "14.5 that was meant in 万元", "amounts_are_of_one_magnitude", "amount = 6.24", "kind = 'fee_bill'"),
    Mutation(
        "marts.fct_money", "a grant above the cap of its round", "no_grant_exceeds_the_cap_of_its_round",
        "select project_id from marts.fct_money inner join seeds.grant_round using (round_code) where kind = 'award' "
        "and match_amount_cap is not null order by project_id desc limit 1",
        "update marts.fct_money set amount = 99000 where project_id = '{0}' and kind = 'award'",
    ),
    Mutation(
        "marts.fct_money", "an instalment paid twice", "no_more_is_paid_than_was_granted_and_granted_than_budgeted",
        "select project_id from marts.fct_money where kind = 'disbursement' order by all limit 1",
        "update marts.fct_money set amount = 20 * amount where project_id = '{0}' and kind = 'disbursement'",
    ),
    Mutation(
        "marts.fct_money", "more awarded than the fund has", "no_more_is_paid_than_was_granted_and_granted_than_budgeted",
        "select fund from marts.fct_money where kind = 'budget' and fund is not null order by all limit 1",
        "update marts.fct_money set amount = amount / 2 where fund = '{0}' and kind = 'budget'",
    ),
    fact("fct_money", "money spent before its project was granted any", "money_of_a_round_moves_after_the_round_opened",
         "money_date = date '2020-03-01'", "kind = 'disbursement' and project_id is not null"),
    Mutation(
        "marts.fct_money", "95 households earned what the village sold twice over", "what_households_earned_fits_the_turnover",
        "select place_key from marts.fct_money where kind = 'purchase' order by all limit 1",
        "update marts.fct_money set amount = 285000 where place_key = '{0}' and kind = 'purchase'",
    ),
    fact("fct_participation", "signed in on another day than the activity", "a_person_takes_part_on_the_day_of_the_activity",
         "participation_date = participation_date - 1", "activity_key is not null"),
    fact("fct_participation", "a shift of 30 hours", "hours_are_credible", "hours = 30, started_at = null, ended_at = null",
         "action = 'volunteer' and state = 'recorded'"),
    Mutation(
        "marts.fct_participation", "two shifts at once", "shifts_of_a_person_do_not_overlap",
        "select participation_key || '+' from marts.fct_participation where action = 'volunteer' and state = 'recorded' and "
        "started_at is not null and person_key is not null order by all limit 1",
        "insert into marts.fct_participation select * replace (participation_key || '+' as participation_key) from "
        "marts.fct_participation where participation_key || '+' = '{0}'",
    ),
    fact("fct_points", "an account far below zero", "no_account_is_overdrawn", "account_key = 'alone', points = -1000", "kind = 'penalty'"),
    fact("fct_points", "a redemption without a rule", "every_redemption_has_a_rule", "rule_code = null",
         "kind = 'redemption' and rule_code is not null"),
    fact("fct_population", "more people than the upper bound", "population_lies_within_its_bounds", "upper = value - 1"),
    fact("fct_role", "a post that ends before it begins", "a_post_ends_after_it_begins",
         "valid_from = date '2026-02-01', valid_to = date '2026-01-01'"),
    fact("fct_vote", "more ballots returned than issued", "ballots_do_not_grow_on_the_way", "returned_count = issued_count + 1",
         "issued_count is not null"),
    fact("fct_vote", "more issued than may vote", "ballots_do_not_grow_on_the_way", "issued_count = eligible_count + 1",
         "issued_count is not null"),
    fact("fct_vote", "counted before it opened", "a_vote_is_dated_within_its_window", "vote_date = opened_date - 1"),
    fact("fct_vote_option", "an option with a vote too many", "the_options_of_a_vote_add_up_to_the_valid_ballots",
         "for_count = for_count + 1", "for_count is not null"),
    Mutation(
        "marts.quality_summary", "a row that is neither loaded nor put aside", "rows_in_are_loaded_quarantined_or_skipped",
        "select 'issue_ledger'", "update marts.quality_summary set rows_in = rows_in + 1 where source = '{0}'",
    ),
    Mutation(
        "marts.quality_unmatched_place", "伦敦 for 伦教", "every_place_name_resolves", "select 'issue_ledger', '伦敦'",
        "insert into marts.quality_unmatched_place select '{0}', 'case', null, '{1}', 'unknown', 1",
    ),
    fact("dim_organisation", "a place that nobody knows", "every_row_belongs_to_a_known_place", "place_key = 'nowhere'",
         key="organisation_version_key"),
    from_tomorrow("dim_organisation", key="organisation_version_key"),
    *(not_known(table) for table in PLACED),
    *(not_queued(f"fct_{record}", record) for record in ("activity", "case", "money", "participation", "points", "vote")),
    *(from_tomorrow(table) for table in DATED),
    after_what_is_known("fct_activity", "activity_date", "is_held"),
    after_what_is_known("fct_case", "opened_date"),
    after_what_is_known("fct_evaluation", "evaluated_date"),
    after_what_is_known("fct_money", "money_date"),
    after_what_is_known("fct_participation", "participation_date"),
    after_what_is_known("fct_points", "posted_date"),
    after_what_is_known("fct_vote", "vote_date"),
    *(personal(*of_table) for of_table in PERSONAL),
    personal("kpi_catalogue", "notes", "metric_code", schema="kpis"),
    Mutation(
        "marts.quality_summary", "a mobile number in source", "no_personal_data_in_text", "select 'found_in', 'source'",
        f"update marts.quality_summary set source = '{MOBILE}' where source = 'tally_sheet'",
    ),
    Mutation(
        "kpis.kpi_like_for_like", "a mobile number in unit", "no_personal_data_in_text", "select 'unit'",
        "update kpis.kpi_like_for_like set unit = '13912345678' where metric_code = 'P01'",
    ),
    Mutation(
        "marts.fct_role", "nine of ten rows are gone", "not_less_than_half_of_what_is_published", "select 'rows'",
        "delete from marts.fct_role where row_no % 10 > 0", alone=True,
    ),
    Mutation(
        "marts.fct_vote", "a file loaded eleven times", "not_more_than_5_times_what_is_published", "select 'rows'",
        "insert into marts.fct_vote select votes.* from marts.fct_vote as votes, range(20)", alone=True,
    ),
]  # fmt: skip
