"""How often a source delivers, by its own files: whether one is overdue, or missing between two.

A file counts for the day up to which it speaks, else for the day on which it came. The rhythm is the median of the days between
the files before; a source with too few of them is held to its schedule. `late_after_days` in the declaration goes before both.
"""

from __future__ import annotations

from datetime import datetime, timezone

from croniter import croniter

from ingest.declaration import SourceDeclaration, declarations
from ingest.sql import literal

RECENT_FILES = 13
FEWEST_GAPS = 2
# A file may come this much later than the rhythm says: a whole turn, and a long weekend.
TURNS, GRACE_DAYS = 2, 3
# A folder is looked into every night, though files come each month: nobody is asked before this many days.
UNKNOWN_RHYTHM_DAYS = 40

DAYS = """
select distinct source, coalesce(file.as_of, file.retrieved_at::date) as day, batch.batch_id
from ops.batch as batch inner join ops.file as file using (source, file_id) where batch.status = 'accepted'"""
RHYTHM = f"""
select source, max(day) as last_day, median(gap) as usual_days, count(gap) as gaps from (
    select source, day, day - lag(day) over (partition by source order by day) as gap
    from (select distinct source, day from days where day is not null)
    qualify row_number() over (partition by source order by day desc) <= {RECENT_FILES}
) group by source"""


def overdue() -> str:
    """SQL (for `checks.no_rows`) of the sources that are overdue by their own rhythm, or else by their schedule."""
    values = ", ".join(
        f"({literal(source.name)}, {_longest_silence(source)}, {source.late_after_days or 'null'})" for source in declarations()
    )
    return f"""
        with days as ({DAYS}),
        rhythm as ({RHYTHM}),
        loaded as (select source, max(loaded_at)::date as last_load from ops.batch where status = 'accepted' group by source),
        judged as (
            select loaded.source, if(gaps >= {FEWEST_GAPS}, last_day, last_load) as last_day,
                if(gaps >= {FEWEST_GAPS}, round(usual_days)::integer, null) as usual_days,
                coalesce(declared_days, if(gaps >= {FEWEST_GAPS}, ceil({TURNS} * usual_days + {GRACE_DAYS}),
                    coalesce(silence.days, {UNKNOWN_RHYTHM_DAYS})))::integer as allowed_days
            from loaded left join rhythm using (source)
            left join (values {values}) as silence (source, days, declared_days) using (source)
        )
        select source, last_day, usual_days, allowed_days, current_date - last_day as age_days from judged
        where current_date - last_day > allowed_days"""


def missing_before(batch_id: str) -> str:
    """SQL (for `checks.no_rows`) that returns a row when the file of a batch comes so long after the one before it that others must
    be missing between them."""
    own = f"batch_id = {literal(batch_id)}"
    return f"""
        with own as (
            select source, coalesce(file.as_of, file.retrieved_at::date) as day
            from ops.batch as batch inner join ops.file as file using (source, file_id) where {own}
        ),
        days as ({DAYS} and not {own}),
        rhythm as ({RHYTHM})
        select last_day as file_before, own.day as this_file, round(usual_days)::integer as usual_days
        from own inner join rhythm using (source)
        where gaps >= {FEWEST_GAPS} and own.day > last_day + ceil({TURNS} * usual_days + {GRACE_DAYS})::integer - 1"""


def from_the_future(own: str) -> str:
    """SQL (for `checks.no_rows`) of the files that speak up to a day after they came; `own`: SQL condition that names batches."""
    return f"""
        select file_name, as_of, retrieved_at::date as came_on
        from ops.batch as batch inner join ops.file as file using (source, file_id)
        where {own} and as_of > retrieved_at::date + 1"""


def _longest_silence(source: SourceDeclaration) -> int:
    """Days without a file after which a source is overdue by its schedule."""
    turns = croniter(source.schedule, datetime(2026, 1, 1, tzinfo=timezone.utc))
    first, second = turns.get_next(datetime), turns.get_next(datetime)
    return max(UNKNOWN_RHYTHM_DAYS, TURNS * (second - first).days + GRACE_DAYS)
