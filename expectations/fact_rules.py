"""What must hold for the facts of participation, funding and figures: SQL for the rows that break it, per table.

A source's own faults are warnings: they are published as they were told, and named here. What the warehouse makes of them is
critical.
"""

from __future__ import annotations

from expectations.rule import Rule, away

PRESENT = "('attended', 'recorded', 'points_posted', 'redeemed', 'completed')"
HOURS = "coalesce((epoch_us(ended_at) - epoch_us(started_at)) / 3600e6, hours)"
# Amounts of one set of records further from their median than this are looked at: 14.5 that was meant in 万元.
MAGNITUDE = 1000
# Households can have sold something outside the records; not most of it.
PLAUSIBLE_TURNOVER = 2
MONEY_SET = "source, kind, currency"
# Figures of one series that begin on one day; where there are several, they are sums so far.
SERIES = "place_key, source, kind, measure, unit, process_code, period_start"


FACT_RULES: dict[str, list[Rule]] = {
    "fct_activity": [
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
        Rule(
            "attendances_fit_into_the_venue",
            "attendance_count at most venue_capacity, where the venue has one",
            "select activity_key, attendance_count, venue_capacity from batch where attendance_count > venue_capacity",
            "an outlier, also counted by P05.outliers: ask the host whether visits were counted, or the venue is another",
            severity="info",
            column="attendance_count",
            integrity="R15",
        ),
        Rule(
            "the_calendar_knows_the_years_of_the_activities",
            "dim_calendar has every year of an activity since its first year",
            """select year(activity_date) as year, count(*) as activity_count, min(activity_key) as first_activity_key from batch
            where year(activity_date) not in (select year(day) from {dim_calendar})
                and year(activity_date) > (select min(year(day)) from {dim_calendar})
            group by all""",
            "nothing is due in a year that has no calendar: add its holidays to seeds/public_holiday.csv",
            severity="warning",
            column="activity_date",
            integrity="R13",
        ),
    ],
    "fct_participation": [
        Rule(
            "a_person_takes_part_on_the_day_of_the_activity",
            "an activity_key of fct_activity and its day, where the activity is known",
            """select participation_key, batch.activity_key, participation_date, activity_date from batch
            left join {fct_activity} as activities on batch.activity_key = activities.activity_key
            where batch.activity_key is not null and participation_date is distinct from activity_date""",
            "see models/intermediate/activity/int_participation.sql",
            column="activity_key",
            integrity="R10",
        ),
        Rule(
            "hours_are_credible",
            "hours of a shift above 0 and at most 24, and those between its start and its end where all are told",
            f"""select participation_key, hours, started_at, ended_at from batch
            where action = 'volunteer' and state in {PRESENT} and (
                not coalesce({HOURS} > 0 and {HOURS} <= 24, true)
                or abs(hours - (epoch_us(ended_at) - epoch_us(started_at)) / 3600e6) > 0.01)""",
            "they are left out of P08 and counted in P08.invalid: ask the platform's owner to mend the shift",
            severity="warning",
            column="hours",
            integrity="R11",
        ),
        Rule(
            "shifts_of_a_person_do_not_overlap",
            "no shift of a person begins before the one before it has ended",
            f"""select participation_key, lag_key as overlapped_key, started_at, lag_ended_at as overlapped_until from (
                select participation_key, started_at, lag(participation_key) over by_start as lag_key,
                    lag(ended_at) over by_start as lag_ended_at
                from batch where action = 'volunteer' and state in {PRESENT} and person_key is not null
                    and started_at is not null and ended_at is not null
                window by_start as (partition by person_key order by started_at, participation_key)
            ) where started_at < lag_ended_at""",
            "P08 counts the hours once: ask the platform's owner which of the shifts was worked",
            severity="warning",
            column="started_at",
            integrity="R11",
        ),
    ],
    "fct_points": [
        Rule(
            "no_account_is_overdrawn",
            "a balance (the sum of the entries of an account) of 0 or more",
            """select arg_max(points_key, (posted_at, points_key)) as last_points_key, sum(points) as balance,
                count(*) as entry_count
            from batch group by account_key having sum(points) < 0""",
            "counted by P12.negative_accounts: ask who keeps the ledger which entry is missing or posted twice",
            severity="warning",
            column="points",
            integrity="R12",
        ),
        Rule(
            "every_redemption_has_a_rule",
            "a rule_code on every redemption",
            "select points_key, posted_date, points, item from batch where kind = 'redemption' and rule_code is null",
            "counted by P12.redeemed_without_rule: ask who keeps the ledger under which rule it was given out",
            severity="warning",
            column="rule_code",
            integrity="R12",
        ),
    ],
    "fct_vote": [
        Rule(
            "ballots_do_not_grow_on_the_way",
            "eligible ≥ issued ≥ returned ≥ valid, valid + invalid = returned, and area returned ≤ area eligible, as far as known",
            """select vote_key, eligible_count, issued_count, returned_count, valid_count, invalid_count, eligible_area,
                returned_area
            from batch where issued_count > eligible_count or returned_count > coalesce(issued_count, eligible_count)
                or valid_count > returned_count or valid_count + invalid_count != returned_count
                or returned_area > eligible_area or returned_count < 0 or valid_count < 0""",
            "ask who counted for the tally sheet; enter the right number in seeds/correction.csv",
            severity="warning",
            column="returned_count",
            integrity="R3",
        ),
        Rule(
            "a_vote_is_dated_within_its_window",
            "opened_date ≤ vote_date ≤ closed_date",
            """select vote_key, opened_date, vote_date, closed_date from batch
            where vote_date < opened_date or vote_date > closed_date or opened_date > closed_date""",
            "ask who counted for the days of the vote",
            severity="warning",
            column="vote_date",
            integrity="R10",
        ),
    ],
    "fct_vote_option": [
        Rule(
            "the_options_of_a_vote_add_up_to_the_valid_ballots",
            "a vote_key of fct_vote; for + against + abstained of each option, or the votes for all of them, = its valid ballots",
            """select vote_option_key, counted, of_all_options, valid_count from (
                select batch.vote_option_key, batch.vote_key, votes.vote_key as known_vote_key, votes.valid_count,
                    for_count + coalesce(against_count, 0) + coalesce(abstain_count, 0) as counted,
                    sum(for_count) over (partition by batch.vote_key) as of_all_options
                from batch left join {fct_vote} as votes on batch.vote_key = votes.vote_key
            ) where known_vote_key is null or counted != valid_count and of_all_options != valid_count""",
            "ask who counted for the tally sheet; enter the right number in seeds/correction.csv",
            severity="warning",
            column="for_count",
            integrity="R3",
        ),
    ],
    "fct_evaluation": [
        Rule(
            "scores_lie_on_their_scale",
            "scale_min ≤ score ≤ scale_max",
            "select evaluation_key, scale_min, score, scale_max from batch where score < scale_min or score > scale_max",
            "ask who evaluated on which scale; see the staging model of the source",
            severity="warning",
            column="score",
        ),
    ],
    "fct_money": [
        Rule(
            "every_amount_has_a_currency",
            "an amount (but for donations in kind), and a currency of three capital letters",
            "select money_key, amount, currency from batch where amount is null and kind != 'in_kind_donation' "
            "or amount is not null and (currency is null or not regexp_full_match(currency, '[A-Z]{3}'))",
            "see the staging model of the source; currencies never add",
            column="currency",
        ),
        Rule(
            "amounts_are_of_one_magnitude",
            f"amounts of one source, kind and currency within a factor of {MAGNITUDE} of their median",
            f"""select money_key, amount, median, {MONEY_SET} from batch
            inner join (
                select {MONEY_SET}, median(amount) as median from batch where amount > 0 group by all having count(*) > 2
            ) using ({MONEY_SET})
            where amount > {MAGNITUDE} * median or amount > 0 and {MAGNITUDE} * amount < median""",
            "look at the unit: was it meant in 万元, or in 元? Enter the right amount in seeds/correction.csv",
            severity="warning",
            column="amount",
            integrity="R7",
        ),
        Rule(
            "no_grant_exceeds_the_cap_of_its_round",
            "what a project is awarded ≤ match_ratio_cap × what it raised itself, and ≤ match_amount_cap of its round",
            """select project_id, round_code, awarded, self_raised, match_ratio_cap, match_amount_cap from (
                select project_id, max(round_code) as round_code, currency,
                    coalesce(sum(amount) filter (kind = 'award'), 0) as awarded,
                    coalesce(sum(amount) filter (kind = 'matching_contribution'), 0) as self_raised
                from batch where project_id is not null and kind in ('award', 'matching_contribution') group by project_id, currency
            ) as projects inner join {grant_round} as rounds using (round_code)
            where awarded > match_ratio_cap * self_raised or awarded > match_amount_cap""",
            "counted by F04.breaches: ask the giver whether the project had an exception, or a contribution is not on record",
            severity="warning",
            column="amount",
            integrity="R6",
        ),
        Rule(
            "no_more_is_paid_than_was_granted_and_granted_than_budgeted",
            "paid ≤ awarded for each project, awarded ≤ budget for each fund that has a budget",
            """select project_id as of_project, null as of_fund, currency, sum(amount) filter (kind = 'disbursement') as paid,
                sum(amount) filter (kind = 'award') as awarded, null as budgeted
            from batch where project_id is not null group by all
            having sum(amount) filter (kind = 'disbursement') > coalesce(sum(amount) filter (kind = 'award'), 0)
            union all
            select null, fund, currency, null, sum(amount) filter (kind = 'award'), sum(amount) filter (kind = 'budget')
            from batch where fund is not null group by all
            having sum(amount) filter (kind = 'award') > sum(amount) filter (kind = 'budget')""",
            "ask the fund's bookkeeping for the missing award or budget, or the payment that was entered twice",
            severity="warning",
            column="amount",
            integrity="R8",
        ),
        Rule(
            "money_of_a_round_moves_after_the_round_opened",
            "money_date not before valid_from of the round, and nothing paid or spent before its project's first award",
            """select money_key, kind, project_id, money_date, round_code, valid_from as not_before from batch
            inner join {grant_round} as rounds using (round_code) where money_date < valid_from
            union all
            select money_key, kind, project_id, money_date, round_code, awarded_date from batch
            inner join (
                select project_id, min(money_date) as awarded_date from batch
                where kind = 'award' and project_id is not null group by all
            ) using (project_id)
            where kind in ('disbursement', 'expenditure') and money_date < awarded_date""",
            "ask the fund's bookkeeping for the day, or the project that it belongs to",
            severity="warning",
            column="money_date",
            integrity="R10",
        ),
        Rule(
            "what_households_earned_fits_the_turnover",
            f"what was bought from households ≤ {PLAUSIBLE_TURNOVER} × what was sold, for each place and currency that sells",
            f"""select place_key, currency, sum(amount) filter (kind = 'purchase') as earned,
                sum(amount) filter (kind = 'sale') as sold
            from batch group by all
            having sum(amount) filter (kind = 'purchase') > {PLAUSIBLE_TURNOVER} * sum(amount) filter (kind = 'sale')""",
            "ask what else the households were paid from, or whether one of the sums is in another unit",
            severity="warning",
            column="amount",
            integrity="R20",
        ),
    ],
    "fct_population": [
        Rule(
            "population_lies_within_its_bounds",
            "0 ≤ lower ≤ value ≤ upper",
            "select population_key, lower, value, upper from batch where value < 0 or lower > value or upper < value",
            "see the staging model of the source",
            column="value",
        ),
    ],
    "fct_figure": [
        Rule(
            "a_figure_lies_within_its_bounds",
            "lower ≤ value ≤ upper",
            "select figure_key, lower, value, upper from batch where lower > value or upper < value",
            "see macros/parse_quantity.sql",
            column="value",
        ),
        Rule(
            "what_is_cumulated_does_not_fall",
            "of figures from one day on, one that reaches further is not smaller, as far as their bounds tell",
            f"""select figure_key, measure, period_start, period_end, most, least_before from (
                select figure_key, measure, period_start, period_end, coalesce(upper, value) as most,
                    max(coalesce(lower, value)) over (
                        partition by {SERIES} order by period_end range between unbounded preceding and interval 1 day preceding
                    ) as least_before
                from batch
            ) where most < least_before""",
            "ask who reports whether a month was entered as the sum so far, or corrected since",
            severity="warning",
            column="value",
            integrity="R17",
        ),
    ],
    "fct_role": [
        Rule(
            "a_post_ends_after_it_begins",
            "valid_from ≤ valid_to",
            "select role_key, valid_from, valid_to from batch where valid_from > valid_to",
            "ask who keeps the list for the days",
            severity="warning",
            column="valid_to",
            integrity="R10",
        ),
    ],
    "quality_summary": [
        Rule(
            "rows_in_are_loaded_quarantined_or_skipped",
            "rows_in = rows_loaded + rows_quarantined + rows_skipped, for each source",
            f"""select source, rows_in, rows_loaded, rows_quarantined, rows_skipped from batch
            where {away("rows_in", "rows_loaded + rows_quarantined + rows_skipped")}""",
            "a fault of the loader, not of a file: tell the data team",
            integrity="R5",
        ),
    ],
    "quality_unmatched_place": [
        Rule(
            "every_place_name_resolves",
            "no name of a place that waits for an alias",
            "select source, record, parent_place_name, place_name, place_match, row_count from batch",
            "add the spelling to seeds/place_alias.csv; until then its rows belong to the place above, or to the unknown member",
            severity="warning",
            column="place_name",
            integrity="R14",
        ),
    ],
}
