"""The demonstration data are what their generator makes, and their independent truth is consistent with itself and with
what a plain search of the files finds."""

import csv
import re
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from lifelines import KaplanMeierFitter

from samples.make_samples import make
from tests.e2e import sample_truth

RAW = Path(__file__).parents[2] / "samples" / "raw"
# Figures of publications are copied from print, not invented.
NOT_GENERATED = ("published_figures",)
DISTRICT = "青禾区"
TOWNS = {"云溪镇": ["和畅社区", "桐花社区", "望溪社区"], "禾塘街道": ["稻香社区", "锦塘社区"]}
ADDITIVE = ("P01", "R01.raised", "R01.resolved", "R01.rejected", "R01.withdrawn", "R01.referred_out", "R01.open", "R07",
            "R06.invalid_interval", "R06.missing_end", "F01.raised", "F02.awarded", "F02.disbursed", "F02.spent")
RATES = ("P05", "R02", "R03", "S03", "S04.mean", "S04.index")


@pytest.fixture(scope="module")
def truth():
    """The true values of the committed files."""
    return sample_truth.truth(RAW)


def cells(source: str, column: str) -> list[str]:
    """All cells of one column of a source, untouched, in the order of the files; blank and total rows included."""
    found = []
    for path in sorted((RAW / source).glob("*.csv")):
        encoding = "gb18030" if source == "grant_ledger" else "utf-8-sig"
        with path.open(encoding=encoding, newline="") as file:
            found += [row[column] for row in csv.DictReader(file)]
    return found


def of_district(truth, metric, period="all", start=None, breakdown=("none", "total"), currency=None):
    """The true value of a metric for the whole district."""
    return truth[(metric, DISTRICT, period, start, *breakdown, currency)]["value"]


# ------------------------------------------------------------------------------------------------------ the committed files


def test_the_generator_makes_the_committed_files_byte_for_byte(tmp_path):
    made = {path.relative_to(tmp_path): path.read_bytes() for path in make(tmp_path)}
    committed = {
        path.relative_to(RAW): path.read_bytes() for path in RAW.rglob("*") if path.is_file() and path.parent.name not in NOT_GENERATED
    }
    assert len(made) == 27
    assert made == committed


def test_the_files_are_small():
    sizes = {path: path.stat().st_size for path in RAW.rglob("*.csv")}
    assert max(size for path, size in sizes.items() if path.parent.name not in NOT_GENERATED) <= 60_000
    assert max(sizes.values()) <= 110_000
    assert sum(sizes.values()) <= 400_000


def test_every_source_arrives_in_its_encoding():
    assert (RAW / "satisfaction_survey" / "满意度问卷_2026-03.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    with pytest.raises(UnicodeDecodeError):
        (RAW / "grant_ledger" / "资助台账_2026-09.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize(("source", "column", "pattern", "rows"), [
    ("activity_ledger", "活动日期", "2026-02-30", 1),
    ("activity_ledger", "参与人次", "几百人", 1),
    ("activity_ledger", "参与人次", "[０-９]+", 4),
    ("activity_ledger", "小区", "桐花园", 1),
    ("activity_ledger", "活动效果", ".*,.*", 1),
    ("issue_ledger", "收集时间", "2026-02-30", 1),
    ("issue_ledger", "办理情况", "已协调", 1),
    ("issue_ledger", "办理情况", "已解决\u3000", 1),
    ("issue_ledger", "社区", "溪畔社区|青石社区", 2),
    ("issue_ledger", "小区", "稻香名底", 1),
    ("issue_ledger", "问题描述", ".*\n.*", 1),
    ("issue_ledger", "问题描述", r".*1990000\d{4}", 1),
    ("issue_ledger", "反映人", r".*1990000\d{4}", 1),
    ("donation_list", "金额（元）", "若干", 1),
    ("donation_list", "收据号", "合计", 3),
    ("donation_list", "姓名", " .*\u3000", 3),
    ("grant_ledger", "金额（元）", "若干", 1),
    ("satisfaction_survey", "1、您所在的社区", r"\(跳过\)", 2),
])
def test_each_kind_of_dirt_stands_in_as_many_rows_as_the_readme_says(source, column, pattern, rows):
    assert sum(bool(re.fullmatch(pattern, cell, re.DOTALL)) for cell in cells(source, column)) == rows


def test_issues_without_category_and_resolved_ones_without_date_are_two_each():
    rows = list(zip(*(cells("issue_ledger", column) for column in ("编号", "问题类别", "办理情况", "办结时间"))))
    assert sum(bool(number) and not category for number, category, _, _ in rows) == 2
    assert sum(state.strip() in ("已解决", "已办结") and not end for _, _, state, end in rows) == 2


def test_every_phone_number_looks_like_a_mobile_number_and_is_invented():
    phones = [cell for cell in cells("issue_ledger", "联系电话") if cell]
    assert len(phones) > 200
    assert all(re.fullmatch(r"1990000\d{4}", phone) for phone in phones)


def test_the_total_row_of_each_donation_list_is_the_sum_of_its_rows():
    total = Decimal(0)
    for receipt, amount in zip(cells("donation_list", "收据号"), cells("donation_list", "金额（元）")):
        if receipt == "合计":
            assert sample_truth._number(amount) == total
            total = Decimal(0)
        elif amount != "若干":
            total += sample_truth._number(amount)


def test_two_respondents_with_equal_answers_stay_two():
    with (RAW / "satisfaction_survey" / "满意度问卷_2026-09.csv").open(encoding="utf-8", newline="") as file:
        answers = Counter(tuple(row[1:]) for row in list(csv.reader(file))[1:])
    assert sum(count == 2 for count in answers.values()) == 2


def test_instalments_of_one_award_share_its_project_number():
    rows = list(zip(*(cells("grant_ledger", column) for column in ("凭证号", "项目编号", "类型", "金额（元）"))))
    assert len({voucher for voucher, *_ in rows}) == len(rows) == 55
    assert sum(project == "QHZZ-2026-01" and kind == "拨付" for _, project, kind, _ in rows) == 3


def test_a_matter_is_listed_until_it_ends_and_never_again():
    last_state = {}
    for number, state in zip(cells("issue_ledger", "编号"), cells("issue_ledger", "办理情况")):
        if number:
            assert last_state.get(number, "办理中") in ("办理中", "待受理"), number
            last_state[number] = state
    assert len(last_state) == 162


# ------------------------------------------------------------------------------------------------------ the truth


def test_the_district_has_the_values_that_a_search_of_the_files_finds(truth):
    states = [state.strip() for state in cells("activity_ledger", "状态")]
    assert of_district(truth, "P01") == states.count("已举办") - 2  # one impossible date, one 几百人
    latest = dict(zip(cells("issue_ledger", "编号"), cells("issue_ledger", "办理情况")))
    by_state = Counter(state.strip() for number, state in latest.items() if number)
    assert of_district(truth, "R01.raised") == 162 - 2  # one impossible date, one 已协调
    assert of_district(truth, "R01.resolved") == by_state["已解决"] + by_state["已办结"] - 1  # the impossible date
    assert of_district(truth, "R01.rejected") == by_state["不予受理"]
    assert of_district(truth, "R01.open") == by_state["办理中"] + by_state["待受理"]
    assert of_district(truth, "F02.awarded", currency="CNY") == 203_000


def test_six_rows_end_in_quarantine():
    assert sample_truth.quarantined(RAW) == {"activity_ledger": 2, "issue_ledger": 2, "donation_list": 1, "grant_ledger": 1}


def test_two_closed_before_they_were_raised_and_two_resolved_without_a_date(truth):
    assert of_district(truth, "R06.invalid_interval") == 2
    assert of_district(truth, "R06.missing_end") == 2
    assert truth[("R05.median", DISTRICT, "all", None, "none", "total", None)]["n"] == 160 - 2 - 2


def test_raised_is_resolved_rejected_withdrawn_referred_and_open_everywhere(truth):
    raised = [key for key in truth if key[0] == "R01.raised"]
    assert len(raised) > 500
    for key in raised:
        outcomes = [truth[(f"R01.{outcome}", *key[1:])]["value"] for outcome in sample_truth.OUTCOMES]
        assert truth[key]["value"] == sum(outcomes), key


def test_breakdowns_add_up_to_their_total(truth):
    sums = defaultdict(int)
    for (metric, *where, kind, _, _), cell in truth.items():
        if kind not in ("none", "question") and metric in ADDITIVE:
            sums[(metric, *where, kind)] += cell["value"]
    assert {kind for *_, kind in sums} == {"activity_type", "mode", "host_type", "category", "age_band"}
    for (*where, _), value in sums.items():
        assert truth[(*where, "none", "total", None)]["value"] == value, where


@pytest.mark.parametrize("part", ["value", "numerator", "denominator", "n"])
def test_communities_add_up_to_towns_and_towns_with_the_unknown_to_the_district(truth, part):
    compared = 0
    for (metric, place, *rest), cell in truth.items():
        members = {DISTRICT: [*TOWNS, "未知"], **TOWNS}.get(place)
        if members and (metric in ADDITIVE or (metric in RATES and part in ("numerator", "denominator"))):
            parts = [truth.get((metric, member, *rest), {}).get(part) or 0 for member in members]
            assert (cell[part] or 0) == pytest.approx(sum(parts)), (metric, place, *rest)
            compared += 1
    assert compared > 1000


@pytest.mark.parametrize("metric", ["P01", "R01.raised", "F01.raised", "F02.spent"])
def test_months_add_up_to_quarters_and_quarters_to_all_time(truth, metric):
    currency = "CNY" if metric.startswith("F") else None
    months = {key[3]: cell["value"] for key, cell in truth.items()
              if key[:3] == (metric, DISTRICT, "month") and key[4] == "none"}
    for quarter in ("2026-01-01", "2026-04-01", "2026-07-01"):
        first = int(quarter[5:7])
        inside = [months.get(f"2026-{month:02d}-01", 0) for month in range(first, first + 3)]
        assert of_district(truth, metric, "quarter", quarter, currency=currency) == pytest.approx(sum(inside))
    assert of_district(truth, metric, currency=currency) == pytest.approx(sum(months.values()))


def test_an_unregistered_community_counts_to_the_district_and_the_unknown_member_only(truth):
    assert truth[("R01.raised", "未知", "all", None, "none", "total", None)]["value"] == 2
    assert not {key[1] for key in truth} - {DISTRICT, "未知", *TOWNS, *TOWNS["云溪镇"], *TOWNS["禾塘街道"]}


def test_the_backlog_grows_by_what_is_raised_and_shrinks_by_what_ends(truth):
    data = sample_truth.read(RAW)
    counted = [case for case in data.cases if case.outcome == "open" or case.has_valid_interval]
    before = 0
    for month in data.months:
        raised = sum(case.raised.month == month.month for case in counted)
        ended = sum(case.ended is not None and case.ended.month == month.month for case in counted)
        assert of_district(truth, "R07", "month", month.isoformat()) == before + raised - ended
        before += raised - ended
    assert before == of_district(truth, "R01.open") == of_district(truth, "R07")


def test_the_plain_median_is_below_the_kaplan_meier_median(truth):
    assert of_district(truth, "R06") < of_district(truth, "R05.median")
    assert of_district(truth, "R05.p90") is None  # more than a tenth are never resolved
    assert of_district(truth, "R05.p90", "month", "2026-05-01") is not None


def test_the_satisfaction_index_is_the_mean_on_a_scale_of_hundred_and_there_is_no_total_over_questions(truth):
    for question in sample_truth.QUESTIONS:
        for wave in ("2026-03-01", "2026-09-01"):
            mean = of_district(truth, "S04.mean", "wave", wave, ("question", question))
            index = of_district(truth, "S04.index", "wave", wave, ("question", question))
            assert index == pytest.approx((mean - 1) / 4 * 100)
    assert {key[4] for key in truth if key[0].startswith("S0")} == {"question"}


def test_answers_outside_the_five_levels_are_missing_and_never_scores(truth):
    with (RAW / "satisfaction_survey" / "满意度问卷_2026-03.csv").open(encoding="utf-8-sig", newline="") as file:
        overall = [row["7、总体满意度：您对社区治理总体上满意吗？"] for row in csv.DictReader(file)]
    missing = sum(answer in ("不了解", "(跳过)", "-3") for answer in overall)
    assert missing > 0
    assert truth[("S03", DISTRICT, "wave", "2026-03-01", "question", "q7", None)]["n"] == 92 - missing


def test_donors_are_distinct_names_so_places_do_not_add_up(truth):
    donors = {place: truth[("F01.donors", place, "all", None, "none", "total", None)]["value"] for place in (DISTRICT, *TOWNS)}
    assert donors[DISTRICT] < donors["云溪镇"] + donors["禾塘街道"]
    names = {name.strip() for name in cells("donation_list", "姓名")} - {"", "匿名"}
    assert donors[DISTRICT] == len(names)


# ------------------------------------------------------------------------------------------------------ cohorts by hand


def two_months(*cases: sample_truth.Case) -> sample_truth.Data:
    """January and February 2026 of a district with one community and nothing but these matters."""
    return sample_truth.Data([], list(cases), [], [], {"和畅社区": "云溪镇"}, DISTRICT, [date(2026, 1, 1), date(2026, 2, 1)], {})


def case(raised: str, ended: str | None = None, outcome: str = "open") -> sample_truth.Case:
    """A matter of 和畅社区; days as ISO dates."""
    instants = [day and datetime.fromisoformat(day).replace(tzinfo=sample_truth.ZONE) for day in (raised, ended)]
    return sample_truth.Case("和畅社区", *instants, outcome, "环境卫生")


def test_the_age_of_the_backlog_is_counted_in_whole_days_at_the_end_of_the_period():
    end = date(2026, 3, 1)
    cases = [case((end - timedelta(days=age)).isoformat()) for age in (1, 7, 8, 30, 31, 90, 91)]
    backlog = sample_truth.backlog(two_months(*cases))
    bands = {band: backlog[("R07", DISTRICT, "month", "2026-02-01", "age_band", band, None)]["value"]
             for band in ("0-7", "8-30", "31-90", "90+")}
    assert bands == {"0-7": 2, "8-30": 2, "31-90": 2, "90+": 1}


def test_a_matter_closed_at_the_very_end_of_a_month_is_open_in_it_and_resolved_in_the_next():
    data = two_months(case("2026-01-10", "2026-02-01", "resolved"))
    assert sample_truth.backlog(data)[("R07", DISTRICT, "month", "2026-01-01", "none", "total", None)]["value"] == 1
    resolution = sample_truth.resolution(data)
    assert resolution[("R03", DISTRICT, "month", "2026-01-01", "none", "total", None)]["value"] == 0
    assert resolution[("R03", DISTRICT, "month", "2026-02-01", "none", "total", None)] == {
        "value": None, "numerator": 1, "denominator": 0, "n": 0}
    assert resolution[("R02", DISTRICT, "month", "2026-01-01", "none", "total", None)]["value"] == 1


def test_the_plain_median_of_an_even_number_of_matters_is_the_mean_of_the_middle_two():
    cases = [case("2026-01-01", ended, "resolved") for ended in ("2026-01-02", "2026-01-04", "2026-01-09", "2026-01-21")]
    resolution = sample_truth.resolution(two_months(*cases))
    assert resolution[("R06", DISTRICT, "all", None, "none", "total", None)]["value"] == (3 + 8) / 2


# ------------------------------------------------------------------------------------------------------ Kaplan–Meier


@pytest.mark.parametrize(("subjects", "level", "expected"), [
    ([(1, True), (2, True), (3, True), (4, True)], Fraction(1, 2), 2),  # at the level counts as reached
    ([(1, True), (2, False), (3, True), (4, True)], Fraction(1, 2), 3),  # 3/4, then 3/4 × 1/2
    ([(1, True), (1, False), (5, False)], Fraction(1, 2), None),  # stays at 2/3
    ([(0, True), (0, True), (9, False)], Fraction(1, 2), 0),  # settled on the spot
    ([], Fraction(1, 2), None),
])
def test_the_kaplan_meier_quantile_of_a_cohort_worked_by_hand(subjects, level, expected):
    assert sample_truth.km_quantile(subjects, level) == expected


def test_the_kaplan_meier_quantiles_agree_with_lifelines():
    data = sample_truth.read(RAW)
    cases = [case for case in data.cases if case.has_valid_interval]
    subjects = [(sample_truth._seconds(case.raised, case.ended), case.outcome == "resolved") for case in cases]
    fitted = KaplanMeierFitter().fit([duration for duration, _ in subjects], [resolved for _, resolved in subjects])
    survival = fitted.survival_function_["KM_estimate"]
    for level in (Fraction(1, 2), Fraction(3, 10), Fraction(1, 10)):
        assert sample_truth.km_quantile(subjects, level) == survival.index[survival <= float(level)].min()
