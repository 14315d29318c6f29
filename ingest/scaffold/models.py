"""Writes the staging models of a new source: what the columns of its file mean as columns of a record."""

from __future__ import annotations

import re

from ingest.scaffold import records
from ingest.scaffold.column import Column
from ingest.scaffold.propose import Proposal

MINUTES = re.compile(r"_min(ute)?s?\b|分钟")
NUMBERS = ("integer", "bigint", "double", "decimal")


class Model:
    """The select list of one staging model, put together column by column. `notes`: what a person must look at."""

    def __init__(self, proposal: Proposal, record: str) -> None:
        self.proposal, self.record = proposal, record
        self.name = f"stg_{proposal.name}__{record}"
        self.read: list[str] = []
        self.rejects: list[str] = []
        self.notes: list[str] = []
        self.taken: set[str] = set()

    def sql(self) -> str:
        """The model as SQL for dbt."""
        columns = records.dictionaries()[self.record]
        lines = [f"        {self._column(target, type_)}," for target, type_ in columns.items()]
        if self.rejects:
            reasons = "".join(f"            {reject},\n" for reject in self.rejects)
            lines.append("        {{ reject_reason([\n" + reasons + "        ]) }} as _reject_reason,")
        else:
            lines.append("        null::string as _reject_reason,")
        lines.append("        {{ provenance() }}")
        read = (
            ",\n\nread as (\n    select\n        *,\n"
            + ",\n".join(f"        {line}" for line in self.read)
            + "\n    from delivered\n)"
            if self.read
            else ""
        )
        return (
            f"with delivered as (\n    select * from {{{{ delivered_rows('{self.proposal.name}') }}}}\n){read},\n\n"
            f"{self.name} as (\n    select\n" + "\n".join(lines) + f"\n    from {'read' if self.read else 'delivered'}\n)\n\n"
            f"select * from {self.name}\n"
        )

    def _column(self, target: str, type_: str) -> str:
        made = self._known(target)
        if made is None:
            is_day = target == records.DAY.get(self.record)
            column = records.fitting(target, self.proposal.columns, self.taken, is_day)
            made = self._value(column, target, type_) if column else None
            if made and target == "hours" and MINUTES.search(f"{column.name} {column.header}"):
                made = f"({made} / 60.0)::{type_}"
            if made and target in records.KEYS:
                self.notes.append(f"{target} is made from {column.name}: is it the column that tells people apart best?")
        if made is None:
            assumed = records.ASSUMED.get((self.record, target))
            if assumed:
                self.notes.append(f"{target} is {assumed!r} in every row: the file does not say it")
                made = f"'{assumed}'"
        if made is None:
            made = f"null::{type_}"
            if target in records.NEEDED.get(self.record, []):
                self.rejects.append(f"('true', 'no_{target}')")
                self.notes.append(f"{target}: no column gives it, and a row without it is rejected: say where it comes from")
            return f"{made} as {target}"
        if target in records.NEEDED.get(self.record, []) and not made.startswith("'"):
            self.rejects.append(
                f"(\"{made.replace(chr(34), chr(39))} is null\", 'missing_{target}')"
                if "{{" not in made
                else f"({made.strip('{} ')} ~ ' is null', 'missing_{target}')"
            )
        return f"{made} as {target}" if made != target else made

    def _known(self, target: str) -> str | None:
        """Columns that are made in the same way for every source."""
        if target == UNIQUE.get(self.record, f"{self.record}_id"):
            key = [column for column in self.proposal.columns if column.name in self.proposal.key]
            self.taken |= {column.name for column in key}
            if key:
                parts = [_text(column) for column in key]
                return parts[0] if len(parts) == 1 else f"concat_ws('/', {', '.join(parts)})"
            if self.record == "place" and (codes := self._codes()):
                return codes
            if self.proposal.delivery["mode"] == "snapshot":
                return "_row_no::string"
            return "_file_id[:8] || '-' || _row_no"
        if target == "kind":
            if column := records.kind_column(self.record, self.proposal.columns):
                self.taken.add(column.name)
                self.read.append(f"{{{{ kind_of_word('{self.record}', '{column.name}') }}}} as kind_code")
                self.rejects.append("('kind_code is null', 'unknown_kind')")
                return "kind_code"
            kinds = [kind for kind, _ in records.kinds()[self.record]]
            self.notes.append(f"kind is {kinds[0]!r} in every row; the others are {', '.join(kinds[1:])}")
            return f"'{kinds[0]}'"
        if target == "tree":
            return f"'{self.proposal.tree or self.proposal.name}'"
        if target in ("place_code", "place_name", "parent_place_name") and self.record != "place":
            return self._place(target)
        if target == "outcome":
            ended = records.fitting("ended_at", self.proposal.columns, self.taken, False)
            if ended:
                self.notes.append(
                    "outcome is 'resolved' where the case has an end, else 'open': map the words of its state if it has one"
                )
                return (
                    f"case when {_text(ended) if ended.type == 'varchar' else ended.name} is null then 'open' else 'resolved' end"
                )
            self.notes.append("outcome is 'open' in every row: map the words of its state")
            return "'open'"
        return None

    def _codes(self) -> str | None:
        """The code of a place in a register: the first of its numbers that a row has, else its name."""
        columns = [
            column
            for column in self.proposal.columns
            if column.is_number_of_something and not column.personal and "parent" not in column.name
        ]
        name = records.fitting("place_name", self.proposal.columns, set(), False)
        self.taken |= {column.name for column in columns}
        parts = [_text(column) for column in [*columns, *([name] if name else [])]]
        return f"coalesce({', '.join(parts)})" if len(parts) > 1 else next(iter(parts), None)

    def _place(self, target: str) -> str | None:
        names, code, _ = records.place_of(self.proposal.columns)
        self.taken |= {column.name for column in [*names, code] if column}
        if not names:
            return "'all'" if target == "place_code" and not self.proposal.tree else "null::string"
        own_code = code and not self.proposal.tree
        if target == "place_code":
            if own_code:
                return _text(code)
            if self.proposal.tree:
                return "null::string"
            return "nullif(concat_ws('/', " + ", ".join(_text(column) for column in reversed(names)) + "), '')"
        if self.proposal.tree and len(names) == 2:
            place, around = map(_text, names)
            if target == "place_name":
                return f"coalesce({place}, {around})"
            return f"case when {place} is not null then {around} end"
        column = names[0] if target == "place_name" else (names[1] if len(names) > 1 else None)
        return _text(column) if column else None

    def _value(self, column: Column, target: str, type_: str) -> str | None:
        """The SQL of a column of the file as a column of the record; None when its type cannot become that."""
        self.taken.add(column.name)
        wanted = type_.partition("(")[0]
        if column.personal or column.free_text:
            return column.name if wanted == "varchar" else None
        given = column.type.partition("(")[0]
        if wanted == "varchar":
            return _text(column) if column.type == "varchar" else f"{column.name}::string"
        if wanted in ("date", "timestamptz"):
            return self._moment(column, wanted, given)
        if wanted in NUMBERS:
            if given in NUMBERS:
                return column.name if given == wanted else f"{column.name}::{type_}"
            if given != "varchar" or column.values:
                return None
            read = self._read(column, "number", "parse_number")
            return f"{read}::{type_}"
        if wanted == "boolean":
            return column.name if given == "boolean" else None
        return None

    def _moment(self, column: Column, wanted: str, given: str) -> str | None:
        if given in ("date", "timestamp"):
            local = column.name
        elif given == "varchar":
            local = self._read(column, "local", "parse_local_timestamp")
        else:
            return None
        if wanted == "date":
            return local if given == "date" else f"{local}::date"
        moment = f"{local}{'::timestamp' if given == 'date' else ''}"
        return f"{{{{ instant_at('{moment}', '_time_zone') }}}}"

    def _read(self, column: Column, suffix: str, macro: str) -> str:
        name = f"{column.name}_{suffix}"
        line = f"{{{{ {macro}('{column.name}') }}}} as {name}"
        if line not in self.read:
            self.read.append(line)
            self.rejects.append(f"(unreadable('{column.name}', '{name}'), 'unreadable_{column.name}')")
        return name


def _text(column: Column) -> str:
    return f"{{{{ clean_text('{column.name}') }}}}" if column.type == "varchar" else f"{column.name}::string"


def staging(proposal: Proposal) -> dict[str, tuple[str, str]]:
    """Record → (SQL, YAML) of its staging model, and what to review added to the proposal.

    Args: proposal: whose `review` grows. Returns: the models, with that of the places unless another source tells of the tree.
    """
    made = {}
    for record in proposal.records:
        if record in SURVEY:
            made[record] = (SURVEY[record](proposal), _yaml(proposal, record))
            continue
        model = Model(proposal, record)
        made[record] = (model.sql(), _yaml(proposal, record))
        proposal.review += [f"{model.name}: {note}" for note in model.notes]
    if "survey" in proposal.records:
        proposal.review += [
            f"stg_{proposal.name}__survey: kind is 'questionnaire', its days are those of the file name: say when people were "
            "asked",
            "text, scale, dimension and satisfied codes of each question in the declaration",
        ]
    if not proposal.tree and "place" not in proposal.records:
        made["place"] = (_places(proposal), _yaml(proposal, "place"))
        proposal.review.append(
            f"stg_{proposal.name}__place: the places are a tree of their own; with --tree NAME they are those of a tree that "
            "another source tells of"
        )
    elif proposal.tree:
        proposal.review.append(
            f"place names are looked up in the tree {proposal.tree!r}: quality_unmatched_place lists those it does not know"
        )
    return made


GRAIN = {
    "answer": "One row per respondent and declared question.",
    "question": "One row per declared question.",
    "survey": "One row per wave of the survey.",
    "place": "One row per place that the file names, and one for all of them.",
    "money": "One row per amount.",
    "case": "One row per case.",
    "figure": "One row per reported figure.",
    "points": "One row per entry.",
    "place_change": "One row per change.",
}
UNIQUE = {
    "survey": "survey_id",
    "question": "question_code",
    "place": "place_code",
    "points": "entry_id",
    "place_change": "change_id",
}


def _yaml(proposal: Proposal, record: str) -> str:
    grain = GRAIN.get(record, f"One row per {record.replace('_', ' ')}.")
    key = UNIQUE.get(record, f"{record}_id")
    columns = records.dictionaries()[record]
    # A register gives a row for each version of a place.
    checked = "not_null" if record == "place" and "place" in proposal.records else "unique, not_null"
    tests = f"    columns:\n      - name: {key}\n        data_tests: [{checked}]\n" if key in columns else ""
    return (
        f"version: 2\nmodels:\n  - name: stg_{proposal.name}__{record}\n"
        f"    description: {grain} Rows with a _reject_reason are not used further.\n{tests}"
    )


def _survey_id(proposal: Proposal) -> str:
    if proposal.as_of_pattern and proposal.delivery["mode"] == "period" and proposal.delivery["columns"] == ["_file_as_of"]:
        return "strftime(_file_as_of, '%Y-%m')"
    if proposal.delivery["mode"] == "period":
        column = next(column for column in proposal.columns if column.name == proposal.delivery["columns"][0])
        return _text(column)
    return "'all'"


def _answers(proposal: Proposal) -> str:
    model = Model(proposal, "answer")
    place = {target: model._place(target) or "null::string" for target in ("place_code", "place_name", "parent_place_name")}
    key = [column for column in proposal.columns if column.name in proposal.key]
    respondent = " || '/' || ".join(_text(column) for column in key) or "_row_no::string"
    name = f"stg_{proposal.name}__answer"
    return f"""with delivered as (
    select * from {{{{ delivered_rows('{proposal.name}') }}}}
),

answers as (
    select * from {{{{ long_answers('{proposal.name}', 'delivered') }}}}
),

{name} as (
    select
        {_survey_id(proposal)} as survey_id,
        {respondent} as respondent_id,
        question_code,
        '{proposal.tree or proposal.name}' as tree,
        {place["place_code"]} as place_code,
        {place["place_name"]} as place_name,
        {place["parent_place_name"]} as parent_place_name,
        answer_text, answer_number, is_valid, is_satisfied,
        {{{{ reject_reason([('is_unknown_answer', 'unknown_answer')]) }}}} as _reject_reason,
        {{{{ provenance() }}}}
    from answers
)

select * from {name}
"""


def _survey(proposal: Proposal) -> str:
    name = f"stg_{proposal.name}__survey"
    title = proposal.title.replace("'", "''")
    day = records.fitting("", proposal.columns, set(), True)
    local = day and (f"{day.name}::date" if day.type != "varchar" else f"{{{{ parse_local_timestamp('{day.name}') }}}}::date")
    opened, closed = (f"coalesce({end}({local}), max(_file_as_of))" if local else "_file_as_of" for end in ("min", "max"))
    return f"""with delivered as (
    select * from {{{{ delivered_rows('{proposal.name}') }}}}
),

waves as (
    select
        {_survey_id(proposal)} as survey_id,
        count(*) as returned_count,
        {opened} as opened_date,
        {closed} as closed_date,
        _source, _file_id, min(_row_no) as _row_no, _time_zone, _file_as_of, _as_of_group
    from delivered
    group by all
),

{name} as (
    select
        survey_id,
        '{proposal.tree or proposal.name}' as tree,
        {"'all'" if not proposal.tree else "null::string"} as place_code,
        null::string as place_name,
        null::string as parent_place_name,
        'questionnaire' as kind,
        null::string as process_code,
        '{title}' as title,
        survey_id as wave,
        null::string as method,
        opened_date,
        closed_date,
        null::bigint as issued_count,
        returned_count,
        {{{{ reject_reason([('closed_date is null', 'no_date')]) }}}} as _reject_reason,
        {{{{ provenance() }}}}
    from waves
)

select * from {name}
"""


def _questions(proposal: Proposal) -> str:
    return f"{{{{ codebook('{proposal.name}') }}}}\n"


SURVEY = {"survey": _survey, "question": _questions, "answer": _answers}


def _places(proposal: Proposal) -> str:
    """The places that the file names, as a tree: all, the places above, the places."""
    record = next(
        record for record in ("answer", *proposal.records) if record in proposal.records and record not in ("survey", "question")
    )
    names, _, levels = records.place_of(proposal.columns)
    name, title = f"stg_{proposal.name}__place", proposal.title.replace("'", "''")
    order = "order by _file_as_of desc nulls last, _file_id, _row_no"
    parts = [
        f"""    select 'all' as place_code, '{title}' as place_name, 'all' as place_level, null::string as parent_place_code,
        {{{{ provenance() }}}}
    from named
    qualify row_number() over ({order}) = 1"""
    ]
    if len(names) > 1:
        parts.append(
            f"""    select parent_place_name, parent_place_name, '{levels[1]}', 'all', {{{{ provenance() }}}}
    from named
    where parent_place_name is not null
    qualify row_number() over (partition by parent_place_name {order}) = 1"""
        )
    if names:
        parts.append(
            f"""    select place_code, place_name, '{levels[0]}', coalesce(parent_place_name, 'all'), {{{{ provenance() }}}}
    from named
    where place_name is not null
    qualify row_number() over (partition by place_code {order}) = 1"""
        )
    union = "\n    union all\n".join(parts)
    return f"""with named as (
    select * from {{{{ ref('stg_{proposal.name}__{record}') }}}}
),

places as (
{union}
),

{name} as (
    select
        '{proposal.name}' as tree, place_code, place_name, place_name as place_name_en, place_level, parent_place_code,
        null::string as process_code, null::date as valid_from, null::date as valid_to, null::string as _reject_reason,
        {{{{ provenance() }}}}
    from places
)

select * from {name}
"""
