"""How the cost grows with the data: the product and the limit on W(s) of several sizes. `make bench-curve`."""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import tempfile
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path

from bench import compare, district, plots
from bench.load import PAGE, PROJECT
from bench.whole import LIMIT, NEW_DAY, NO_NEWS, PRODUCT, about, limit, run_later, run_product, totals

BEGIN, END = "<!-- written by make bench-curve -->\n", "<!-- end of curve -->\n"
HISTORY = PROJECT / "bench" / "history_curve.jsonl"
SCALES = (0.1, 0.5, 1.0, 2.0, 4.0)
MOST = 1.1
# One new day, when the history is twice as long.
HISTORY_AND_TWICE = (1.0, 2.0)
MOST_OF_HISTORY = 1.2
# As many models as the history names.
SLOWEST = 25


def main() -> None:
    """Measure every size, print the table, and write it where it is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scales", type=float, nargs="+", default=SCALES)
    parser.add_argument("--seed", type=int, default=district.SEED)
    parser.add_argument("--write", action="store_true", help=f"put the result into {PAGE.relative_to(PROJECT)} and the history")
    options = parser.parse_args()
    # The same for every size, so that the largest one has to spill.
    os.environ.setdefault("GMW_MEMORY_LIMIT", "4GB")
    results = []
    for scale in sorted(options.scales):
        results.append(at(scale, options.seed))
        print(json.dumps(results[-1]), flush=True)
        if options.write:
            # Of each size as it comes: where a larger one does not get to its end, the others are not lost.
            keep(results)
    print(report(results))


def keep(results: list[dict]) -> None:
    """Put the last result into the history, and all of them into the page and its plot."""
    with open(HISTORY, "a", encoding="utf-8") as file:
        file.write(json.dumps(results[-1]) + "\n")
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(page.split(BEGIN)[0] + BEGIN + report(results) + END + page.split(END)[1], encoding="utf-8")
    plots.curve(results, PROJECT / "docs" / "images" / "bench_curve.svg")


def at(scale: float, seed: int) -> dict:
    """Run the product and the limit on W(s), and compare them; where it is asked how much the length of the history matters, with one
    new day after it. Returns: the result, as it is kept. Raises: NotTheSame."""
    with tempfile.TemporaryDirectory(prefix="bench-curve-", dir=os.environ.get("GMW_BENCH_FOLDER")) as name:
        folder = Path(name)
        district.write(folder / "files", scale, seed)
        by_hand = asdict(limit(folder, folder / "files"))
        took, models = run_product(folder, folder / "files")
        compare.with_product(folder / "product" / "home", folder / "limit.duckdb")
        later = {}
        if scale in HISTORY_AND_TWICE:
            later = {what: asdict(of_run) for what, of_run in run_later(folder, folder / "files", scale, seed).items()}
        shutil.rmtree(folder / "product")
    stages = {stage: asdict(of_stage) for stage, of_stage in took.items()}
    return {
        **about(scale, seed), "load_average": os.getloadavg()[0], "ways": {PRODUCT: totals(stages), LIMIT: by_hand}, "stages": stages,
        "slowest": dict(list(models.items())[:SLOWEST]), "later": later,
    }  # fmt: skip


def exponent(results: list[dict], way: str) -> float:
    """b of seconds = a · s^b, by least squares of the logarithms of CPU seconds."""
    points = [(math.log(result["scale"]), math.log(result["ways"][way]["cpu_seconds"])) for result in results]
    mean_x, mean_y = (sum(column) / len(points) for column in zip(*points))
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points)


def report(results: list[dict]) -> str:
    """The results as Markdown. The exponent of a fit hides what is spent at any size: between two sizes it is told as well."""
    lines = [
        f"{results[0]['date']}, {results[0]['cores']} cores, GMW_MEMORY_LIMIT {os.environ.get('GMW_MEMORY_LIMIT')}; CPU seconds.",
        "",
        "| s | the product | × by hand | peak memory, MB | by hand | peak memory, MB | "
        f"`gmw run`, {NEW_DAY}, s (CPU s) | {NO_NEWS}, s | load average |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for result in results:
        own, by_hand = result["ways"][PRODUCT], result["ways"][LIMIT]
        lines.append(
            f"| {result['scale']:g} | {own['cpu_seconds']:,.0f} | {own['cpu_seconds'] / by_hand['cpu_seconds']:.2f} | "
            f"{own['peak_mb']:,.0f} | {by_hand['cpu_seconds']:,.0f} | {by_hand['peak_mb']:,.0f} | "
            f"{_of_runs(result['later'])} | {result['load_average']:.1f} |"
        )
    lines += ["", _row("stage of the product, CPU seconds at s =", [f"{result['scale']:g}" for result in results])]
    lines += ["|---" * (len(results) + 1) + "|"]
    for stage in results[0]["stages"]:
        lines.append(_row(stage, [f"{result['stages'][stage]['cpu_seconds']:,.0f}" for result in results]))
    if len(results) > 1:
        steps = ", ".join(
            f"{exponent([first, second], PRODUCT):.2f} from s = {first['scale']:g} to {second['scale']:g}"
            for first, second in pairwise(results)
        )
        found = exponent(results, PRODUCT)
        lines += [
            "",
            f"Exponent of the product: {found:.2f} (asked: at most {MOST}; {'met' if found <= MOST else 'not met'}); by hand: "
            f"{exponent(results, LIMIT):.2f}. Step by step: {steps}.",
            *(["", _of_history(results)] if set(HISTORY_AND_TWICE) <= {result["scale"] for result in results} else []),
            "",
            "![CPU seconds by size of the workload](images/bench_curve.svg)",
        ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _row(name: str, values: list[str]) -> str:
    return f"| {' | '.join([name, *values])} |"


def _of_runs(later: dict[str, dict]) -> str:
    """What runs after the first one took, as two cells of the table."""
    if not later:
        return "– | –"
    return f"{later[NEW_DAY]['seconds']:.1f} ({later[NEW_DAY]['cpu_seconds']:.1f}) | {later[NO_NEWS]['seconds']:.1f}"


def _of_history(results: list[dict]) -> str:
    """What one new day takes when there is twice as much behind it."""
    took = {result["scale"]: result["later"][NEW_DAY]["seconds"] for result in results if result["later"]}
    once, twice = HISTORY_AND_TWICE
    times = took[twice] / took[once]
    return (
        f"One new day takes {times:.2f}× as long at s = {twice:g} as at s = {once:g} (asked: at most {MOST_OF_HISTORY}×; "
        f"{'met' if times <= MOST_OF_HISTORY else 'not met'})."
    )


if __name__ == "__main__":
    main()
