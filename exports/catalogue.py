"""The page docs/kpi_catalogue.md: every metric with its definition, the SQL behind it and the sources it comes from.

Written from seeds/metric_catalogue.csv, the only place where a metric is defined, and from the models themselves.
"""

from __future__ import annotations

import csv
import re
from contextlib import suppress
from functools import cache
from pathlib import Path

from exports import words
from ingest.settings import settings

PAGE = "docs/kpi_catalogue.md"
STATISTICS = {
    "count": "count",
    "sum": "sum per currency",
    "stock": "count at the end of the period",
    "distinct": "distinct count, anew at every level",
    "ratio": "Σ numerator / Σ denominator",
    "proportion": "Σ numerator / Σ denominator, Wilson 95 % interval",
    "mean": "mean, t 95 % interval",
    "median": "median, order-statistic 95 % interval",
    "kaplan_meier": "Kaplan–Meier, 95 % interval on the log(−log) scale",
    "net_promoter": "100 × (Σ promoters − Σ detractors) / Σ answers, normal 95 % interval",
    "weighted_proportion": "Σ weighted numerator / Σ weights, Wilson 95 % interval with the effective number",
    "difference": "difference of two shares",
    "cumulative_ratio": "Σ numerator / Σ denominator up to the end of the period",
    "unit_cost": "Σ money / count",
    "diversity": "1 − Σ share²",
    "gini": "Gini coefficient",
    "top_share": "the largest / all",
}
HEAD = """# The KPI catalogue

What every number means. This page is written by `gmw catalogue` from
[`metric_catalogue.csv`](../dbt_project/seeds/metric_catalogue.csv), where a definition is changed (and its version raised).
For the rows behind one number: `gmw explain R02 --place 和畅社区 --period 2026-03`.

A metric is computed for every place of the tree and for month, quarter, year and all time (answers to surveys also per wave).
A rate comes from summed numerators and denominators; without a base there is no rate; below the minimum n its status is `low_n`.

How to read a row: `SQL` leads to the model in which the metric is made, `from` to the records and the sources that tell them.
"""


def definitions(project: Path) -> list[dict[str, str]]:
    """The rows of the metric catalogue, in its order. Raises: FileNotFoundError when it is not there."""
    with (project / "dbt_project" / "seeds" / "metric_catalogue.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def models_of(project: Path, metric: dict[str, str]) -> list[Path]:
    """The SQL files in which a metric is made: the models that name its code, else the row models of its components.

    Args: metric: a row of the catalogue.
    Raises: LookupError when no model makes it.
    """
    folder = project / "dbt_project" / "models" / "kpis"
    code = metric["metric_code"]
    found = [path for path in sorted(folder.glob("*.sql")) if f"'{code}'" in _text(path)]
    if not found:
        topics = [topic_of(project, metric[name]) for name in ("numerator_component", "denominator_component") if metric[name]]
        found = [folder / "rows" / f"kpi_row_{topic}.sql" for topic in dict.fromkeys(topics)]
    if not found:
        raise LookupError(
            f"metric {code}: expected a model below {folder} that names it, or a component in the catalogue; found none"
        )
    return found


def topic_of(project: Path, component: str) -> str:
    """The topic whose row model has a component, by macros/kpi_topics.sql. Raises: LookupError when none has it."""
    text = _text(project / "dbt_project" / "macros" / "kpi_topics.sql")
    topic = ""
    for line in text.splitlines():
        start = re.match(r"        '(\w+)': \{", line)
        topic = start[1] if start else topic
        if f"'{component}'" in line:
            return topic
    raise LookupError(f"component {component}: expected it in a topic of macros/kpi_topics.sql, found it in none")


def facts_of(project: Path, metrics: list[dict[str, str]]) -> dict[str, tuple[set[str], set[str]]]:
    """What metrics are made of, as the models refer to one another.

    Args: metrics: rows of the catalogue.
    Returns: metric code → the facts and dimensions that its numbers count; and all that its models read.
    """
    models = {path.stem: path for path in (project / "dbt_project" / "models").rglob("*.sql") if "staging" not in path.parts}
    reads = {name: set(re.findall(r"ref\('(\w+)'\)", path.read_text(encoding="utf-8"))) for name, path in models.items()}

    def reached(start: set[str], through: tuple[str, ...]) -> set[str]:
        seen, ahead = set(), set(start)
        while ahead:
            name = ahead.pop()
            seen.add(name)
            if name.startswith(through):
                ahead |= reads.get(name, set()) - seen
        return {name for name in seen if name.startswith(("fct_", "dim_"))}

    found = {}
    for metric in metrics:
        topics = set()
        for name in ("numerator_component", "denominator_component", "n_component"):
            with suppress(LookupError):
                topics |= {topic_of(project, metric[name])} if metric[name] else set()
        made_in = {path.stem for path in models_of(project, metric)}
        # A topic that bears the name of a record counts its rows; what else its model reads only describes them.
        counted = {f"fct_{topic}" for topic in topics} & models.keys()
        rows = {f"kpi_row_{topic}" for topic in topics}
        recorded = {f"{kind}_{record}" for record in metric["record"].split("|") for kind in ("fct", "dim")} & models.keys()
        direct = reached({*made_in, *rows} - {name.replace("fct_", "kpi_row_") for name in counted}, ("kpi_",))
        everything = reached(made_in | rows | recorded, ("kpi_", "int_", "fct_", "dim_"))
        found[metric["metric_code"]] = direct | counted | recorded, everything | direct | counted | recorded
    return found


def _text(path: Path) -> str:
    return _text_as_of(path, path.stat().st_mtime_ns)


@cache
def _text_as_of(path: Path, changed_at: int) -> str:
    return path.read_text(encoding="utf-8")


def sources_of(project: Path) -> dict[str, list[str]]:
    """Record → the bundled sources that tell it, by the names of their staging models."""
    found: dict[str, list[str]] = {}
    for path in sorted((project / "dbt_project" / "models" / "staging").glob("*/stg_*.sql")):
        source, _, record = path.stem.removeprefix("stg_").rpartition("__")
        found.setdefault(record, []).append(source)
    return found


def processes_of(project: Path) -> dict[str, list[str]]:
    """Metric code of the process catalogue (P15, R01 …) → the processes that owe it."""
    found: dict[str, list[str]] = {}
    with (project / "dbt_project" / "seeds" / "process_catalogue.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            for code in row["metrics"].split("|"):
                found.setdefault(code, []).append(row["process_code"])
    return found


def page(project: Path) -> str:
    """The whole page as Markdown. Raises: LookupError when a metric is made nowhere."""
    metrics, sources, processes = definitions(project), sources_of(project), processes_of(project)
    parts = [HEAD]
    families = list(dict.fromkeys(metric["family"] for metric in metrics))
    for family in families:
        parts.append(f"\n## {' · '.join(words.FAMILIES[family])}\n")
        for metric in (metric for metric in metrics if metric["family"] == family):
            parts.append(entry(project, metric, sources, processes))
    return "".join(parts)


def entry(project: Path, metric: dict[str, str], sources: dict[str, list[str]], processes: dict[str, list[str]]) -> str:
    """One metric as Markdown."""
    code = metric["metric_code"]
    models = ", ".join(
        f"[{path.stem}](../{path.relative_to(project).as_posix()})" for path in models_of(project, metric)
    )
    told = [
        f"{record} ← " + ", ".join(f"[{name}](../dbt_project/models/staging/{name}/)" for name in sources.get(record, []))
        if record in sources else record
        for record in metric["record"].split("|")
    ]
    owed = processes.get(code.partition(".")[0], [])
    facts = [
        f"unit {metric['unit']}", f"better {metric['direction']}" if metric["direction"] != "neutral" else "",
        STATISTICS.get(metric["statistic"], metric["statistic"].replace("_", " ")),
        f"minimum n {metric['minimum_n']}" if metric["minimum_n"] != "0" else "",
        "counts people: small numbers are hidden" if metric["counts_people"] == "true" else "",
        f"version {metric['definition_version']}, {metric['owner']}",
    ]
    lines = [f"\n### {code} {metric['name_zh']} · {metric['name_en']}\n", f"\n{metric['formula']}\n\n"]
    if metric["notes"]:
        lines.append(f"- mind: {metric['notes']}\n")
    lines.append(f"- {' · '.join(fact for fact in facts if fact)}\n")
    lines.append(f"- broken down by: {', '.join(metric['breakdowns'].replace('none', 'no breakdown (total)').split('|'))}\n")
    lines.append(f"- SQL: {models}\n- from: {'; '.join(told)}\n")
    if owed:
        lines.append(f"- owed by {len(owed)} processes: {', '.join(owed)}\n")
    return "".join(lines)


def write() -> Path:
    """Write the page and return its path."""
    path = settings().project / PAGE
    path.write_text(page(settings().project), encoding="utf-8")
    return path
