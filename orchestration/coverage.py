"""Says whether a build is still needed: which asset events a published version has seen.

Several sources are due at the same hour, and each emits an event. The first event starts a build, which waits until the
loads before it are done and so contains the rows of all; the later events start one more build, which has nothing new.
Events are compared by the times that Airflow's server gave them, never with the clock of a worker.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any


def newest_events(inlet_events: Mapping, assets: Iterable, what: str = "timestamp") -> dict[str, Any]:
    """The newest event of each asset, before anything is read from the warehouse.

    Args: inlet_events: of the task context; assets: inlets of the task; what: "timestamp" or "extra".
    Returns: asset name → ISO time of its newest event (or the event's extra); assets without events are left out.
    """
    newest = {}
    for asset in assets:
        for event in inlet_events[asset].ascending(False).limit(1):
            newest[asset.name] = event.timestamp.isoformat() if what == "timestamp" else event.extra
    return newest


def is_covered(triggering_events: Mapping, seen: Mapping[str, str]) -> bool:
    """True when every event that triggered a run was seen by the build of the published version.

    Args: triggering_events: of the task context, asset → its events. seen: asset name → ISO time of the newest event that
    the published version contains, as `newest_events` gave it.
    A run without triggering events (somebody asked for it) is never covered.
    """
    if not triggering_events:
        return False
    return all(
        asset.name in seen and event.timestamp <= datetime.fromisoformat(seen[asset.name])
        for asset, events in triggering_events.items()
        for event in events
    )
