"""A case platform with an HTTP API, on 127.0.0.1: it pages in five ways, wants a secret, throttles, breaks and changes."""

from __future__ import annotations

import base64
import gzip
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

SECRET = "s3cret-of/the+platform"
LOGIN = "gmw"


@dataclass
class Platform:
    """What the platform holds and how it behaves. `records` are JSON texts, so that their numbers are what was written.

    `faults` are used up first: each answers one request (or returns False, and the request is answered as usual).
    `asked` are the paths with their parameters, in order.
    """

    records: list[str] = field(default_factory=list)
    size: int = 2
    wants: Callable[[BaseHTTPRequestHandler], bool] = lambda request: True
    faults: list[Callable[[BaseHTTPRequestHandler], bool | None]] = field(default_factory=list)
    wrap: Callable[[list[str], dict], str] | None = None
    heeds_since: bool = True
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    before_answer: Callable[[str], None] = lambda path: None
    url: str = ""

    def selected(self, query: dict[str, str]) -> list[str]:
        """The records from `since` on and before `until` (by `updated_at`), or above `after` (by `id`)."""
        found = []
        for text in self.records:
            record = json.loads(text)
            if self.heeds_since and "since" in query and record["updated_at"] < query["since"]:
                continue
            if "until" in query and record["updated_at"] >= query["until"]:
                continue
            if self.heeds_since and "after" in query and record["id"] < int(query["after"]):
                continue
            found.append(text)
        return found


class Handler(BaseHTTPRequestHandler):
    """Answers as the platform of the server says."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Stay silent."""

    def do_POST(self) -> None:
        """As GET, with the parameters in the body; or a token for a client that shows its secret."""
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.path == "/moved_token":
            return self.send(307, "", {"Location": "/token"})
        if self.path == "/token":
            is_known = parse_qs(text).get("client_id") == [LOGIN] and parse_qs(text).get("client_secret") == [SECRET]
            return self.send(*((200, f'{{"access_token": "{SECRET}"}}') if is_known else (401, "{}")))
        body = json.loads(text)
        return self.answer(urlsplit(self.path).path, {key: str(value) for key, value in body.items()})

    def do_GET(self) -> None:
        """Answer a page."""
        url = urlsplit(self.path)
        self.answer(url.path, {key: values[0] for key, values in parse_qs(url.query).items()})

    def answer(self, path: str, query: dict[str, str]) -> None:
        """One page, or the next fault."""
        platform: Platform = self.server.platform
        platform.asked.append((path, query))
        platform.before_answer(self.path)
        if not platform.wants(self):
            return self.send(401, '{"message": "who are you?"}')
        if platform.faults and platform.faults.pop(0)(self) is not False:
            return None
        records, size = platform.selected(query), int(query.get("limit", platform.size))
        start = int(query.get("offset", 0)) or (int(query.get("page", 1)) - 1) * size or int(query.get("cursor") or 0)
        page, more = records[start : start + size], start + size < len(records)
        headers = {}
        onward = {**query, "page": int(query.get("page", 1)) + 1}
        if path == "/links" and more:
            headers["Link"] = f'<{platform.url}/links?{urlencode(onward)}>; rel="next"'
        facts = {
            "total": len(records), "pages": -(-len(records) // size), "next": str(start + size) if more else None, "more": more,
            "next_url": f"{platform.url}/json_links?{urlencode(onward)}" if more else None,
        }  # fmt: skip
        if platform.wrap:
            text = platform.wrap(page, facts)
        elif path == "/links":
            text = f"[{','.join(page)}]"
        else:
            text = json.dumps({"code": 0, "data": {"list": "LIST", **facts}}).replace('"LIST"', f"[{','.join(page)}]")
        return self.send(200, text, headers)

    def send(self, status: int, text: str | bytes, headers: dict[str, str] | None = None) -> None:
        """A whole answer; JSON unless the headers say otherwise."""
        body = text.encode() if isinstance(text, str) else text
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {}), "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def fails(status: int, text: str = "{}", **headers: str) -> Callable[[Handler], None]:
    """A fault: an answer with this status."""
    return lambda request: request.send(status, text, {name.replace("_", "-"): value for name, value in headers.items()})


def breaks_off(request: Handler) -> None:
    """A fault: the connection is cut in the middle of the body."""
    request.send_response(200)
    request.send_header("Content-Type", "application/json")
    request.send_header("Content-Length", "1000")
    request.end_headers()
    request.wfile.write(b'{"code": 0, "data": {"li')
    request.close_connection = True
    request.connection.close()


def as_usual(request: Handler) -> bool:
    """No fault: keeps the place of a request that is answered as usual."""
    return False


def unpacks_to(size: int) -> Callable[[Handler], None]:
    """A fault: a small answer that unpacks to `size` bytes."""
    body = gzip.compress(b'{"data": {"list": ["' + b"x" * size + b'"]}}')
    return lambda request: request.send(200, body, {"Content-Encoding": "gzip"})


def bearer(request: Handler) -> bool:
    """Whether the secret is shown as a bearer token."""
    return request.headers["Authorization"] == f"Bearer {SECRET}"


def key_in_header(request: Handler) -> bool:
    """Whether the secret is shown in a header of its own."""
    return request.headers["X-API-Key"] == SECRET


def key_in_query(request: Handler) -> bool:
    """Whether the secret is shown as a parameter."""
    return parse_qs(urlsplit(request.path).query).get("api_key") == [SECRET]


def basic(request: Handler) -> bool:
    """Whether login and secret are shown as HTTP has it."""
    return request.headers["Authorization"] == "Basic " + base64.b64encode(f"{LOGIN}:{SECRET}".encode()).decode()


def serve(platform: Platform) -> ThreadingHTTPServer:
    """Start the server; `shutdown` and `server_close` end it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.platform = platform
    platform.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return server
