"""The dashboard in a real browser, opened from a file with the network off: it shows kpi_value, and everybody can use it."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import axe_playwright_python
import pytest
from playwright.sync_api import Browser, Locator, Page, sync_playwright

from exports import dashboard, dashboard_charts, dashboard_data, dashboard_words, figures, publication, words
from ingest import warehouse
from tests.integration.changed_figures import change
from tests.integration.test_publication import AS_OF, PLACES, QUESTIONS, build_toy

RUN = "run-20261101"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
AXE = Path(axe_playwright_python.__file__).parent / "axe.min.js"
MEBIBYTE = 1 << 20
SECONDS_TO_WAIT = 60
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs a Chromium to open the page")


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Iterator[Path]:
    """A home with one published run and its dashboard."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GMW_HOME", str(folder))
        build_toy(RUN)
        with warehouse.writer(purpose="toy curve") as connection:
            connection.execute(
                "create table kpis.kpi_survival_curve as select place_key, 'all' as period_type, date '2025-01-01' as period_start, "
                "date '2026-11-01' as period_end, elapsed_days, 0.5 ** elapsed_days as open_share, 0.4 ** elapsed_days as lower, "
                "0.6 ** elapsed_days as upper, 40 - elapsed_days as at_risk_count, 40::bigint as n, date '2026-10-31' as as_of "
                "from unnest(['qinghe', 'qinghe/cuiyuan']) as places(place_key), "
                "unnest([1, 2, 3]::integer[]) as days(elapsed_days)"
            )
        publication.publish(RUN)
        with figures.current() as published:
            dashboard.write(published, folder / "index.html")
        yield folder


@pytest.fixture(scope="module")
def source(home) -> str:
    return (home / "index.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def shown(home) -> list[figures.Row]:
    """The figures of kpi_value as every export shows them."""
    with figures.current() as current:
        return current.rows("from figure")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    quiet = ("gpu", "quic", "background-networking", "component-update", "sync")
    with sync_playwright() as playwright:
        arguments = ["--headless", "--no-sandbox", "--no-first-run", *(f"--disable-{name}" for name in quiet)]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture()
def page(home, browser) -> Iterator[Page]:
    """The page, opened from disk with the network off; afterwards it must have asked for nothing and complained of nothing."""
    context = browser.new_context(offline=True, color_scheme="light", viewport={"width": 1280, "height": 900})
    page, said, asked = context.new_page(), [], []
    page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto((home / "index.html").as_uri())
    settled(page)
    yield page
    context.close()
    assert said == []
    assert {url.partition("#")[0] for url in asked} == {(home / "index.html").as_uri()}


def wait_until(page: Page, predicate: str, argument: object = None) -> None:
    """Ask again until it is so. `page.wait_for_function` evaluates text inside the page, which the page's own policy forbids."""
    deadline = time.monotonic() + SECONDS_TO_WAIT
    while not page.evaluate(predicate, argument):
        assert time.monotonic() < deadline, f"after {SECONDS_TO_WAIT} s still not so: {predicate}"
        page.wait_for_timeout(20)


def settled(page: Page) -> None:
    """Wait until the figures are unpacked and all charts drawn."""
    wait_until(page, "document.documentElement.dataset.ready")
    page.evaluate("Promise.all(drawn).then(() => null)")


def go(page: Page, **choice: str) -> None:
    """Choose by address, as a kept link does."""
    page.evaluate("changes => { location.hash = address(changes); }", choice)
    wait_until(page, "changes => Object.entries(changes).every(([name, value]) => choice[name] === value)", choice)
    settled(page)


def cards(page: Page) -> dict[str, str]:
    """Text of each card by metric code."""
    found = page.locator("article.card").evaluate_all("cards => cards.map(card => [card.dataset.metric, card.innerText])")
    return {code: " ".join(text.split()) for code, text in found}


def choose_metric(page: Page, code: str) -> None:
    found = "code => [...seriesHere(places[0]).values()].find(figure => figure.metric.metric_code === code).series"
    go(page, series=page.evaluate(found, code))


def base(row: figures.Row) -> str:
    """Numerator over denominator as words.base gives it, rounded half away from zero as all that is shown."""
    halves = {name: Decimal(str(row[name])).quantize(Decimal("0.01"), ROUND_HALF_UP) for name in ("numerator", "denominator") if row[name] is not None}
    return words.base({**row, **{name: float(number) for name, number in halves.items()}}) if words.base(row) else ""


def rows_of(table: Locator) -> list[list[str]]:
    return table.locator("tbody tr").evaluate_all("rows => rows.map(row => [...row.cells].map(cell => cell.innerText.trim()))")


def test_every_figure_that_the_page_carries_is_that_of_kpi_value(page, shown):
    carried = page.evaluate(
        """() => figures.columns.metric.map((metric, row) => {
            const one = figures.at(row);
            return [one.metric.metric_code, one.place.place_key, one.period.period_type, one.period.start, one.member.breakdown_value,
                one.currency, one.digits, one.lowerText, one.upperText, one.n, one.base, one.status, one.asOf];
        })"""
    )
    expected = [
        [row["metric_code"], row["place_key"], row["period_type"], str(row["period_start"]), row["breakdown_value"], row["currency"],
         *(words.thousands(row[f"{name}_display"]) for name in ("value", "lower", "upper")), row["n"],
         base(row), row["status"], str(row["as_of"])]
        for row in shown if row["breakdown_type"] in ("none", "question")
    ]  # fmt: skip
    assert len(expected) > 500
    assert sorted(map(repr, carried)) == sorted(map(repr, expected))


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_each_kind_of_period_shows_its_own_figures_in_both_languages(page, shown, language):
    go(page, lang=language)
    kinds = {"month": "2026-03-01..2026-03-31", "quarter": "2026-04-01..2026-06-30", "year": "2025-01-01..2025-12-31"}
    position, seen = words.LANGUAGES.index(language), set()
    for kind, period in kinds.items():
        page.locator(f"input[name=type][value={kind}]").check(force=True)
        page.locator("#period").select_option(period)
        settled(page)
        found = cards(page)
        expected = {
            row["metric_code"]: row for row in shown
            if row["place_key"] == "qinghe" and row["is_headline"] and row["breakdown_type"] == "none"
            and (row["period_type"], str(row["period_start"])) == (kind, period[:10])
        }  # fmt: skip
        assert set(expected) == {"P01", "P05", "R02", "F01.raised"}
        for code, row in expected.items():
            assert words.thousands(row["value_display"]) in found[code] and words.plain(row["n"]) in found[code]
            assert words.interval(row) in found[code] and words.STATUSES[row["status"]][position] in found[code]
            assert (row["name_zh"], row["name_en"])[position] in found[code] and str(AS_OF) in found[code]
        seen.add(found["R02"])
    assert len(seen) == len(kinds)


def test_the_arrows_step_from_period_to_period(page):
    page.locator("input[name=type][value=month]").check(force=True)
    settled(page)
    assert page.locator("#period").input_value() == "2026-10-01..2026-10-31"  # the latest that is over
    page.locator("#earlier").click()
    settled(page)
    assert page.locator("#period").input_value() == "2026-09-01..2026-09-30"
    assert "2026-09" in page.locator("#view").inner_text()


def test_the_language_switch_changes_every_word_that_is_not_a_name(page):
    for language in ("zh", "en"):
        go(page, lang=language)
        assert page.locator("html").get_attribute("lang") == {"zh": "zh-CN", "en": "en"}[language]
        for headings in ("h2", "summary", "#cards dt"):
            texts = [text for text in page.locator(f"{headings}:visible").all_inner_texts() if text not in ("清河区", "Qinghe District")]
            chinese = [bool(re.search(r"[\u4e00-\u9fff]", text)) for text in texts if re.search("[a-z\u4e00-\u9fff]{2}", text)]
            assert chinese and set(chinese) == {language == "zh"}, texts


def test_one_drills_down_from_district_to_town_to_community_and_back(page, shown):
    def ranked() -> list[list[str]]:
        page.locator("#ranking summary").click()
        return rows_of(page.locator("#ranking table"))

    choose_metric(page, "R02")
    towns = ranked()
    expected = {row["place_name"]: words.value(row) for row in shown
                if row["metric_code"] == "R02" and row["period_type"] == "all" and row["place_level"] == "town"}  # fmt: skip
    assert {row[0]: row[2] for row in towns} == expected and len(expected) == 2
    assert [row[1] for row in towns] == ["1", "1"]  # equal as shown, equal in rank
    assert "–" in towns[0][3]
    page.locator("#ranking a", has_text="翠园镇").first.click()
    settled(page)
    assert page.locator("#heading").inner_text() == "翠园镇"
    assert page.evaluate("document.activeElement.id") == "heading"
    assert page.locator("#path").inner_text().split() == ["清河区", "翠园镇"]
    page.locator("#ranking a", has_text="幸福社区").first.click()
    settled(page)
    everything = next(row for row in shown if (row["metric_code"], row["place_key"], row["period_type"]) == ("R02", "qinghe/cuiyuan/xingfu", "all"))
    assert words.thousands(everything["value_display"]) in cards(page)["R02"]
    page.go_back()
    settled(page)
    assert page.locator("#heading").inner_text() == "翠园镇"
    page.locator("#path a").first.click()
    settled(page)
    assert page.locator("#heading").inner_text() == "清河区"


def test_a_click_on_a_place_in_the_chart_goes_there(page):
    page.locator("#ranking svg .mark-symbol path").first.click()
    settled(page)
    assert page.locator("#heading").inner_text() in ("翠园镇", "=1+2河滨镇")


def test_a_place_with_a_small_sample_is_shown_and_not_ranked(page):
    choose_metric(page, "P05")
    go(page, type="month", period="2025-01-01..2025-01-31")
    page.locator("#ranking summary").click()
    rows = rows_of(page.locator("#ranking table"))
    assert {row[1] for row in rows} == {"不排名"} and {row[6] for row in rows} == {"样本少"}
    assert "0 个地点排名" in page.locator("#ranking .note").inner_text()


def test_a_suppressed_figure_says_so_and_has_no_number_anywhere(home, browser, tmp_path):
    """The toy district has no suppressed total, hence one is hidden as the build would do it."""
    hidden = "metric_code = 'R02' and place_key = 'qinghe' and period_type = 'year' and period_start = date '2025-01-01'"
    with figures.current() as current:
        (row,) = current.rows(f"from figure where {hidden}")
        numbers = ("value_display", "lower_display", "upper_display", "n", "numerator", "denominator", "value", "lower", "upper")
        change(current, hidden, status="'suppressed'", **dict.fromkeys(numbers, "null"))
        dashboard.write(current, tmp_path / "index.html")
    page = browser.new_page()
    page.goto((tmp_path / "index.html").as_uri() + "#type=year&period=2025-01-01..2025-12-31")
    settled(page)
    text = page.locator("main").inner_text() + page.content()
    assert "已隐去" in cards(page)["R02"]
    assert "已隐去" in page.locator("#tables tr", has_text="R02").inner_text()
    choose_metric(page, "R02")
    page.locator("#trend summary").click()
    assert rows_of(page.locator("#trend table"))[0][1:4] == ["已隐去", "", ""]
    assert words.base(row) not in text and row["value_display"] not in cards(page)["R02"]
    page.close()


def test_statuses_are_told_in_words(page):
    tables = page.locator("#tables").inner_text()
    assert "未达到" in cards(page)["R05.median"] and "≥ 45.0" in cards(page)["R05.median"]
    assert "正常" in tables and "未达到" in tables
    go(page, type="year", period="2026-01-01..2026-12-31", lang="en")
    assert "partial" in cards(page)["R02"]


def test_satisfaction_of_all_time_is_that_of_the_latest_wave_and_of_the_overall_question(page, shown):
    (row,) = [row for row in shown if row["metric_code"] == "S03" and row["breakdown_value"] == "q2"]
    card = cards(page)["S03"]
    assert words.value(row) in card and "物业服务" in card and "调查 2026-05" in card
    page.locator("#questions summary").click()
    questions = rows_of(page.locator("#questions table"))
    assert {question[0] for question in questions} == {text for _, text in QUESTIONS}
    assert questions[0][1] == "99.97%"


def test_text_of_the_sources_is_never_markup(page, source):
    assert "停车</script>" not in source
    assert page.locator("#questions summary").click() is None
    assert "停车</script><b>" in page.locator("#questions table").inner_text()


def test_the_resolution_curve_is_the_published_one(page):
    page.locator("#survival summary").click()
    rows = rows_of(page.locator("#survival table"))
    assert [row[:4] for row in rows] == [
        ["0", "100.0%", "", "40"], ["1", "50.0%", "40.0% – 60.0%", "39"],
        ["2", "25.0%", "16.0% – 36.0%", "38"], ["3", "12.5%", "6.4% – 21.6%", "37"],
    ]  # fmt: skip
    go(page, place="qinghe/hebin")
    assert "不画曲线" in page.locator("#survival .note").inner_text()
    assert page.locator("#survival svg").count() == 0


def test_the_funding_flow_shows_the_stages_of_the_money(page, shown):
    page.locator("#flow summary").click()
    (row,) = [row for row in shown if (row["metric_code"], row["place_key"], row["period_type"]) == ("F01.raised", "qinghe", "all")]
    assert rows_of(page.locator("#flow table"))[0][:3] == ["筹集资金", "合计", words.value(row)]


def test_every_number_leads_to_its_definition(page):
    targets = page.locator("main a[href^='#definition-']").evaluate_all("links => links.map(link => link.hash.slice(1))")
    known = page.locator("#definitions tr[id]").evaluate_all("rows => rows.map(row => row.id)")
    assert len(targets) > 20 and set(targets) <= set(known)
    page.locator("[data-metric=R02] a").first.click()
    assert page.evaluate("document.activeElement.id || document.querySelector(':target').id") == "definition-R02"
    assert page.locator("#definition-R02").is_visible() and cards(page)  # the view stays as it was


def test_a_chart_has_a_name_and_a_table_for_those_who_do_not_see_it(page):
    charts = page.locator("figure.chart:has(svg)")
    assert charts.count() >= 4
    for number in range(charts.count()):
        figure = charts.nth(number)
        assert len(figure.locator("[role=img]").get_attribute("aria-label")) > 20
        assert figure.locator("details table tbody tr").count() >= 1


def test_the_theme_follows_the_system_until_one_chooses(page):
    def look() -> tuple[str, str]:
        return tuple(page.evaluate("[getComputedStyle(document.body).backgroundColor, "
                                   "getComputedStyle(document.querySelector('#trend .mark-line path')).stroke]"))  # fmt: skip

    light = look()
    page.emulate_media(color_scheme="dark")
    dark = look()
    assert light[0] != dark[0] and light[1] != dark[1]
    page.locator("#theme").click()
    settled(page)
    assert look() == light
    page.emulate_media(color_scheme="light")
    page.locator("#theme").click()
    settled(page)
    assert look() == dark and page.locator("#theme").get_attribute("aria-pressed") == "true"


def test_it_prints_light_without_controls_and_with_its_tables(page):
    go(page, theme="dark")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not any(page.locator(name).is_visible() for name in ("#place", "#language", "#print", ".skip"))
    assert page.locator("#tables table").first.is_visible() and page.locator("#trend svg").is_visible()
    assert page.locator("header .meta").is_visible()  # version, run and as-of
    paper = page.pdf(prefer_css_page_size=True)
    assert paper.startswith(b"%PDF") and 2 <= len(re.findall(rb"/Type\s*/Page\b", paper)) <= 20


def test_everything_can_be_done_with_the_keyboard(page):
    page.keyboard.press("Tab")
    assert "跳到指标" in page.evaluate("document.activeElement.innerText")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "language"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    wait_until(page, "choice.lang === 'en'")
    page.locator("input[name=type]:checked").focus()
    page.keyboard.press("ArrowRight")
    wait_until(page, "choice.type === 'year'")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "period"  # there is no year before: its arrow is off
    page.locator("#place").focus()
    page.keyboard.press("ArrowDown")
    wait_until(page, "choice.place === 'qinghe/hebin' || choice.place === 'qinghe/cuiyuan'")
    page.locator("#trend summary").focus()
    page.keyboard.press("Enter")
    assert page.locator("#trend table").is_visible()
    settled(page)


@pytest.mark.parametrize("language", words.LANGUAGES)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(page, language, theme):
    go(page, lang=language, theme=theme)
    page.locator("figure.chart details").evaluate_all("all => all.forEach(one => { one.open = true; })")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run({resultTypes: ['violations']})")
    told = [
        f"{violation['impact']} {violation['id']}: {violation['help']} at {[node['html'][:160] for node in violation['nodes'][:3]]}"
        for violation in found["violations"]
    ]
    assert not [line for line in told if line.startswith(("serious", "critical"))]
    assert len(found["passes"]) > 20


def test_a_phone_is_not_scrolled_sideways(page):
    page.set_viewport_size({"width": 360, "height": 740})
    for language in words.LANGUAGES:
        go(page, lang=language)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_a_kept_address_opens_the_same_view(home, page):
    address = page.url.partition("#")[0] + "#place=qinghe%2Fcuiyuan&type=quarter&period=2025-04-01..2025-06-30&lang=en"
    page.goto("about:blank")
    page.goto(address)
    settled(page)
    assert page.locator("#heading").inner_text() == "Cuiyuan"
    assert "2025 Q2" in page.locator("#view").inner_text()
    assert page.title().startswith("Cuiyuan · 2025 Q2")


def test_the_page_refers_to_nothing_outside_itself_and_forbids_it(source):
    assert not re.findall(r"""(?:src|href)\s*=\s*["']?\s*(?:https?:)?//""", source.split("<script")[0])
    assert "@import" not in source.split("<body>")[0] and "url(" not in source.split("<body>")[0]
    assert "default-src 'none'" in source and "connect-src" not in source
    assert len(source) < MEBIBYTE  # of which half are the libraries


def test_where_there_are_too_many_figures_the_lowest_level_keeps_its_headlines_and_the_page_says_so(home, tmp_path, monkeypatch):
    with figures.current() as current:
        change(current, "metric_code = 'P05'", is_headline="false")
        assert dashboard_data.carry(current) == 0
        (whole,) = current.rows("select count(*) as n from carried")
        monkeypatch.setattr(dashboard_data, "MOST_FIGURES", whole["n"] - 1)
        assert dashboard_data.carry(current) == 1
        (kept,) = current.rows(
            "select count(*) filter (not is_headline) as few, count(*) as months, (select count(*) from carried) as n "
            "from carried join place using (place_key) where depth = 2 and period_type = 'month'"
        )
        dashboard.write(current, tmp_path / "index.html")
    assert kept["few"] == 0 and kept["n"] < whole["n"] and kept["months"] > 0
    assert dashboard_words.TEXTS["left_out_1"][1] in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_the_page_names_run_and_version_in_header_and_footer(source):
    with figures.current() as current:
        version = current.version
    for part in (source.split("<main>")[0].split("<body>")[1], source.split("<footer>")[1]):
        assert RUN in part and version in part and str(AS_OF) in part


def test_everything_that_the_page_says_is_said_in_both_languages():
    for pair in [*dashboard_words.TEXTS.values(), *dashboard_words.MEMBERS.values(), *dashboard_charts.TOOLTIP.values()]:
        assert len(pair) == 2 and bool(pair[0]) == bool(pair[1])
    used = set(re.findall(r"text\('([\w-]+)'", (dashboard.TEMPLATES / "dashboard.js").read_text(encoding="utf-8")))
    used |= set(re.findall(r"\bt\('([\w-]+)'\)", (dashboard.TEMPLATES / "index.html.j2").read_text(encoding="utf-8")))
    assert used <= set(dashboard_words.TEXTS)


def test_places_are_those_of_three_levels(page):
    assert set(page.evaluate("places.map(place => place.place_key)")) == {key for key, *_ in PLACES}
    assert date.fromisoformat(page.evaluate("content.as_of")) == AS_OF
