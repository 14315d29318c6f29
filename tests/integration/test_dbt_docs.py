"""dbt's documentation is one page that opens from a file, fetches nothing and tells nothing of the machine."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from typer.testing import CliRunner

from exports import dbt_docs
from ingest import warehouse
from ingest.cli import app
from tests.conftest import PROJECT, SECRET
from tests.unit.ledger_project import Ledger, ledger  # noqa: F401

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def shown(page: Path, place: str, folder: Path) -> str:
    """What a browser shows of a page that is opened from a file."""
    opened = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync",
         "--no-first-run", f"--user-data-dir={folder}", "--virtual-time-budget=8000", "--dump-dom", page.resolve().as_uri() + place],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    return opened.stdout


@pytest.fixture
def asked() -> Iterator[tuple[str, list[str]]]:
    """GIVEN a server on this machine. Yields its address and the paths that it was asked for."""
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", paths
    server.shutdown()
    server.server_close()


@pytest.mark.skipif(CHROMIUM is None, reason="needs a Chromium to open the page")
def test_the_page_opens_from_a_file_and_shows_a_model(ledger: Ledger, tmp_path: Path) -> None:  # noqa: F811
    """GIVEN a project with a model that was built. WHEN the documentation is written. THEN a browser shows it with its columns."""
    project = ledger.folder / "dbt_project"
    (project / "models" / "intermediate").mkdir(parents=True)
    (project / "macros").mkdir()
    shutil.copy(PROJECT / "dbt_project" / "macros" / "schema_names.sql", project / "macros")
    shutil.copy(PROJECT / "dbt_project" / "profiles.yml", project)
    model = project / "models" / "intermediate" / "int_topic"
    model.with_suffix(".sql").write_text("select topic, count(*) as entries from {{ source('ledger', 'ledger') }} group by all")
    model.with_suffix(".yml").write_text(
        "models:\n- name: int_topic\n  description: One row per topic of the ledger.\n"
        "  columns:\n  - {name: entries, description: 次数}\n"
    )
    with warehouse.writer("what dbt would build") as connection:
        connection.execute("create schema intermediate; create table intermediate.int_topic (topic varchar, entries bigint)")

    written = CliRunner().invoke(app, ["docs"])
    assert written.exit_code == 0, written.output
    page = tmp_path / "home" / "reports" / dbt_docs.PAGE
    assert written.output.split() == [str(page)]
    text = page.read_text(encoding="utf-8")
    assert not [secret for secret in (str(tmp_path), str(PROJECT), "cloudfront", SECRET) if secret in text]
    # The page holds all of it as data, too: what is shown stands between tags.
    seen = shown(page, "#!/model/model.governance_metrics_warehouse.int_topic", tmp_path / "profile")
    assert "<p>One row per topic of the ledger.</p>" in seen
    assert '<span class="text-dark ng-binding">entries</span>' in seen and '<span class="text-dark ng-binding">BIGINT<' in seen


@pytest.mark.skipif(CHROMIUM is None, reason="needs a Chromium to open the page")
def test_what_a_newer_dbt_would_fetch_is_not_fetched(asked: tuple[str, list[str]], tmp_path: Path) -> None:
    address, paths = asked
    page = tmp_path / "page.html"
    fetching = f'<html><head><link rel="stylesheet" href="{address}/a.css"></head><script src="{address}/a.js"></script></html>'
    page.write_text(fetching)
    shown(page, "", tmp_path / "profile")
    assert sorted(paths) == ["/a.css", "/a.js"]
    paths.clear()
    page.write_text(dbt_docs.self_contained(fetching))
    shown(page, "", tmp_path / "profile")
    assert paths == []


def test_documentation_that_cannot_be_made_says_why(ledger: Ledger) -> None:  # noqa: F811
    with pytest.raises(dbt_docs.NoPage, match="(?s)Could not find profile.*The whole log: .*dbt.log"):
        dbt_docs.write()
