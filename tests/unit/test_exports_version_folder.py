"""Version folders: names that sort, a link that is never missing."""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone

from exports import version_folder

NOW = datetime(2026, 11, 22, 12, 13, 14, tzinfo=timezone.utc)


def test_a_name_says_when_and_which_run(tmp_path):
    name = version_folder.new_name(tmp_path, "run-1", NOW)
    assert name.startswith("20261122T121314Z-")
    assert version_folder.NAME.fullmatch(name)
    assert name != version_folder.new_name(tmp_path, "run-2", NOW)


def test_names_sort_by_publication_within_a_second_and_when_the_clock_goes_back(tmp_path):
    made = []
    for clock in (NOW, NOW, NOW - timedelta(hours=1), NOW + timedelta(days=1)):
        made.append(version_folder.new_name(tmp_path, "run-1", clock))
        (tmp_path / made[-1]).mkdir()
    assert version_folder.names(tmp_path) == sorted(made, reverse=True) == made[::-1]


def test_a_link_left_by_a_crash_does_not_stop_the_next_switch(tmp_path):
    os.symlink("nowhere", tmp_path / ".current.partial")
    version_folder.switch(tmp_path, "20261122T121314Z-00000000")
    assert version_folder.current_name(tmp_path) == "20261122T121314Z-00000000"
    assert not (tmp_path / ".current.partial").is_symlink()


def test_what_is_partial_is_no_version_and_is_removed(tmp_path):
    (tmp_path / ".20261122T121314Z-00000000.partial" / "parquet").mkdir(parents=True)
    os.symlink("nowhere", tmp_path / ".current.partial")
    assert version_folder.names(tmp_path) == []
    version_folder.remove_stale(tmp_path)
    assert list(tmp_path.iterdir()) == []
