"""dbt's own documentation as one page: every model with its columns, tests, SQL and the graph of what is made of what."""

from __future__ import annotations

import os
import re
from pathlib import Path

from ingest.build import dbt
from ingest.settings import settings

PAGE = "dbt_docs.html"
# What the page of dbt would fetch: the script of its tracker, and two files that are not there.
TRACKER = re.compile(r"//[a-z0-9.]+\.cloudfront\.net/[0-9.]+/sp\.js")
LINKS = re.compile(r'<link rel="(?:canonical|shortcut icon)"[^>]*>')
ANONYMOUS_USER = re.compile(r'"user_id": "[^"]*"')
# Should a newer dbt bring something else to fetch, the browser refuses. Styles and scripts are in the page itself.
POLICY = (
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'unsafe-inline'; img-src data:; font-src data:\">"
)


class NoPage(RuntimeError):
    """dbt has not made its documentation; the message says where to look."""


def write() -> Path:
    """Write the documentation of the models to $GMW_HOME/reports/dbt_docs.html: one file that needs no network.

    dbt is started for it and asks the build database for the columns that there are, behind the writer lock. No path of this
    machine is in the page.

    Returns: its path. Raises: NoPage when dbt fails or makes something else; WarehouseBusy.
    """
    current = settings()
    made = current.dbt_target / "static_index.html"
    made.unlink(missing_ok=True)
    lines: list[str] = []
    if dbt(["docs", "generate", "--static"], purpose="document the models", echo=lines.append) != 0 or not made.exists():
        last = "\n".join(line for line in lines[-15:] if line.strip())
        raise NoPage(f"Expected `dbt docs generate` to write {made}, found that it has not:\n{last}\nThe whole log: "
                     f"{current.dbt_target / 'dbt.log'}. Build the marts first (`gmw build`).")  # fmt: skip
    page = self_contained(made.read_text(encoding="utf-8"))
    made.unlink()
    for name, path in (("$GMW_HOME", current.home), ("$GMW_EXAMPLES_FOLDER", current.examples), (".", current.project)):
        page = page.replace(str(path), name) if path else page
    current.reports.mkdir(parents=True, exist_ok=True)
    target = current.reports / PAGE
    partial = target.with_suffix(".partial")
    partial.write_text(page, encoding="utf-8")
    os.replace(partial, target)
    return target


def self_contained(page: str) -> str:
    """A page of dbt without what it would fetch, and with a policy by which nothing can be fetched."""
    page = ANONYMOUS_USER.sub('"user_id": null', LINKS.sub("", TRACKER.sub("", page)))
    return page.replace("<head>", f"<head>{POLICY}", 1)
