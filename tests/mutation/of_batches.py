"""Faults of what arrives: in batches of the demonstration district, as they were loaded."""

from __future__ import annotations

from tests.mutation.mutation import Mutation


def last(source: str) -> str:
    """SQL of the newest batch of a source."""
    return f"select max(batch_id) from ops.batch where source = '{source}'"


def stored(source: str, fault: str, caught_by: str, change: str, after: int = 0) -> Mutation:
    """A fault of one stored row. `change`: the SET of an update. `after`: the first rows are left to other faults."""
    return Mutation(
        f"raw.{source}", fault, caught_by,
        f"select _row_no::varchar from raw.{source} where _batch_id = ({last(source)}) order by _row_no limit 1 offset {after}",
        f"update raw.{source} set {change} where _row_no = {{0}} and _batch_id = ({last(source)})", last(source),
    )  # fmt: skip


def of_batch(source: str, fault: str, caught_by: str, target: str, change: str, alone: bool = False) -> Mutation:
    """A fault of a batch or of what the loader wrote about it."""
    return Mutation(f"raw.{source}", fault, caught_by, target, change.replace("{batch}", f"({last(source)})"), last(source), alone)


MOBILE = "13912345678"

ISSUES = last("issue_ledger")
# One more fault in each of the other sources: every suite is seen to fail.
EMPTY = {
    "activity_ledger": "activity_no", "case_platform": "created_at", "donation_list": "receipt_no", "evaluation_sheet": "evaluation_no",
    "fund_ledger": "money_date", "grant_ledger": "kind", "monthly_report": "line_no", "organisation_register": "organisation_no",
    "place_change_register": "new_name", "place_register": "name", "points_ledger": "posted_at",
    "population_register": "statistics_date", "published_figures": "number", "role_list": "role_no",
    "satisfaction_survey": "response_no", "signin_platform": "item_no", "survey_register": "sheet_no", "tally_sheet": "vote_no",
}  # fmt: skip

OF_BATCHES = [
    of_batch("issue_ledger", "a file without rows", "batch_is_not_empty", "select '0 rows'",
             "delete from raw.issue_ledger where _batch_id = {batch}", alone=True),
    of_batch("place_register", "an empty register that would replace the full one", "batch_is_not_empty", "select '0 rows'",
             "delete from raw.place_register where _batch_id = {batch}", alone=True),
    of_batch("issue_ledger", "a row of the file is in no place", "every_row_of_the_file_is_accounted_for",
             f"select (rows_in + 1)::varchar from ops.batch where batch_id = ({ISSUES})",
             "update ops.batch set rows_in = rows_in + 1 where batch_id = {batch}"),
    of_batch("issue_ledger", "a row vanished after it was loaded", "the_rows_stored_are_the_rows_loaded",
             f"select rows_loaded::varchar from ops.batch where batch_id = ({ISSUES})",
             "delete from raw.issue_ledger where _batch_id = {batch} and _row_no % 7 = 6", alone=True),
    of_batch("issue_ledger", "a third of the file could not be read", "few_rows_are_quarantined", "select 'wrong_type', 'collected_at'",
             "insert into ops.quarantine select {batch}, 'issue_ledger', null, i, 'collected_at', 'wrong_type', 'date', 'x', null, "
             "now() from range(40) as rows (i); update ops.batch set rows_quarantined = rows_in where batch_id = {batch}"),
    of_batch("issue_ledger", "one row could not be read", "no_row_is_quarantined", "select 'wrong_type', 'rating'",
             "insert into ops.quarantine values ({batch}, 'issue_ledger', null, 7, 'rating', 'wrong_type', 'integer', 'x', null, now())"),
    of_batch("issue_ledger", "a column is gone", "required_columns_are_present", "select 'no column state'",
             "alter table raw.issue_ledger drop column state", alone=True),
    of_batch("signin_record", "a column is stored as another type than declared", "columns_have_their_declared_types",
             "select 'participation_date', 'VARCHAR'",
             "alter table raw.signin_record alter column participation_date type varchar", alone=True),
    of_batch("issue_ledger", "a column that the file before did not have", "no_column_was_added", "select '颜色'",
             "insert into ops.file_column values ({batch}, 'issue_ledger', 99, '颜色', null, null, null)"),
    of_batch("issue_ledger", "a column that only the file before has", "no_column_was_removed",
             f"select header from ops.file_column where batch_id = ({ISSUES}) and column_name = 'state'",
             "delete from ops.file_column where batch_id = {batch} and column_name = 'state'", alone=True),
    of_batch("issue_ledger", "a column under another of its names", "no_column_was_renamed", "select '状态'",
             "update ops.file_column set header = '状态' where batch_id = {batch} and column_name = 'state'"),
    of_batch("issue_ledger", "words in a column of numbers", "no_column_changed_its_kind",
             f"select header from ops.file_column where batch_id = ({ISSUES}) and column_name = 'case_no'",
             "update ops.file_column set kind = 'integer' where batch_id = {batch} and column_name = 'case_no'"),
    of_batch("issue_ledger", "a case number twice", "case_no_is_unique",
             f"select max(case_no) from raw.issue_ledger where _batch_id = ({ISSUES})",
             "update raw.issue_ledger set case_no = '{0}' where _batch_id = {batch} and _row_no < 5"),
    stored("issue_ledger", "a case without a number", "case_no_is_never_empty", "case_no = null", after=8),
    stored("issue_ledger", "a case number out of form", "case_no_has_its_form", "case_no = 'QH-1'", after=10),
    stored("issue_ledger", "a name in the clear", "raised_by_holds_keyed_hashes_only", "raised_by = '张三'"),
    stored("issue_ledger", "a mobile number in a text", "no_personal_data_in_text", f"responsible_unit = '物业{MOBILE}'"),
    stored("issue_ledger", "an ID number in a text", "no_personal_data_in_text", "responsible_unit = '11010519491231002X'"),
    stored("issue_ledger", "an IP address in a text", "no_personal_data_in_text", "responsible_unit = '来自203.0.113.15'"),
    stored("issue_ledger", "text that was read in a wrong encoding", "no_text_was_read_in_a_wrong_encoding",
           "responsible_unit = '鐢ㄦ埛'", after=12),
    stored("signin_record", "a value that the declaration does not know", "item_type_has_known_values", "item_type = '其他项'"),
    stored("place_register", "a level that the declaration does not know", "level_has_known_values", "level = '省'"),
    of_batch("issue_ledger", "a month with ten times the usual rows", "the_batch_is_about_as_large_as_usual", "select 'rows'",
             "insert into raw.issue_ledger select rows.* from raw.issue_ledger as rows, range(9) where _batch_id = {batch}",
             alone=True),
    of_batch("issue_ledger", "four months of files are missing before this one", "no_file_is_missing_before_this_one",
             "select '2027-01-31'",
             "update ops.file set as_of = date '2027-01-31' where file_id = (select file_id from ops.batch where batch_id = {batch})"),
    of_batch("issue_ledger", "a file of next year", "the_file_does_not_speak_of_the_future", "select '2099-12-31'",
             "update ops.file set as_of = date '2099-12-31' where file_id = (select file_id from ops.batch where batch_id = {batch})",
             alone=True),
    *(
        stored(source, f"{column} is empty", f"{column}_is_never_empty", f"{column} = null")
        for source, column in EMPTY.items()
    ),
]  # fmt: skip
