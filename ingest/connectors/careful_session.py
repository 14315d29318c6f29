"""The HTTP session that dlt pages through: what an API answers is looked at before dlt uses it.

dlt takes an answer without the declared list for an empty one, follows any redirect and any address of a next page, and stops
where a page names no next one. Each of these would lose records, or show the secret to somebody else.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit

import simplejson
from dlt.sources.helpers.requests.retry import Client
from dlt.sources.helpers.rest_client.redaction import SENSITIVE_PARAMS, sanitize_url
from requests import HTTPError, PreparedRequest, RequestException, Response, Session
from requests.adapters import HTTPAdapter

from ingest.connectors.arrivals import SourceUnavailable
from ingest.connectors.credentials import Credentials
from ingest.declaration import SourceDeclaration

CHUNK = 1 << 16
LONGEST_CONNECT = 15.0
LONGEST_TOLD = 60
NOT_THERE = object()


class UnexpectedAnswer(SourceUnavailable):
    """An API did not answer as declared. Nothing of what it brought in this load is landed."""


class CarefulSession:
    """One load's requests, one after the other.

    Args: source: with a connector of type rest_api. credentials: its secrets never stand in an error. address: the base URL; no
    request leaves its scheme, host and port.
    """

    def __init__(self, source: SourceDeclaration, credentials: Credentials, address: str) -> None:
        self.source, self.connector = source, source.connector
        self.records = 0
        self.url = f"{address}/{self.connector.path.lstrip('/')}"
        self._credentials, self._address = credentials, urlsplit(address)
        self._asked: set[tuple] = set()
        self._pages: set[bytes] = set()
        self._ids: set[str] = set()
        self._last_total: int | None = None
        self._short_page = False
        self._next_request_at = 0.0

    def token_session(self) -> Session:
        """The session to ask for a token with. It follows no redirect, so that the secret in the body stays where it was sent."""
        session = self._dlt_session()
        session.max_redirects = 0
        return session

    def _dlt_session(self) -> Session:
        """A session of dlt: it tries 429, 5xx and broken connections again, and keeps to Retry-After."""
        return Client(
            raise_for_status=False,
            request_timeout=(min(self.connector.timeout, LONGEST_CONNECT), self.connector.timeout),
            request_max_attempts=self.connector.attempts,
            request_max_retry_delay=self.connector.longest_wait,
        ).session

    def session(self) -> Session:
        """The session to page with: dlt's, with our eyes on it."""
        session = self._dlt_session()
        for scheme in ("http://", "https://"):
            session.mount(scheme, _LimitedAdapter(self))
        send = session.send

        def look_at(request: PreparedRequest, **options) -> Response:
            self._check_request(request)
            try:
                response = send(request, **options | {"allow_redirects": False})
            except HTTPError as error:
                response = error.response
            except RequestException as error:
                raise self.problem(
                    request.url, "an answer", f"none after {self.connector.attempts} attempts ({_reason(error)})",
                    f"See whether the address of the connection {self.connector.connection} is right and the server runs.",
                ) from None
            self._check_answer(response)
            return response

        session.send = look_at
        return session

    def problem(self, url: str, expected: str, found: str, what_to_do: str) -> UnexpectedAnswer:
        """An error that names the source and the URL, without secrets."""
        names = SENSITIVE_PARAMS | ({self.connector.auth.name} if self.connector.auth else set())
        text = f"source {self.source.name}, {sanitize_url(url, names)}: expected {expected}, found {found}. {what_to_do}"
        return UnexpectedAnswer(self._credentials.hide(text) + " Nothing of this load was landed.")

    def check_total(self) -> None:
        """Raise UnexpectedAnswer when the API says that there are more or fewer records than it gave."""
        if self.connector.pagination.type == "offset" and self._last_total not in (None, self.records):
            raise self.problem(
                self.url, f"{self._last_total} records, as its total says", f"{self.records}",
                "The list changed while it was paged: run this again. If it stays, the page size is larger than the API allows.",
            )  # fmt: skip

    def _check_request(self, request: PreparedRequest) -> None:
        url = urlsplit(request.url)
        if _server(url) != _server(self._address):
            raise self.problem(
                request.url, f"the next page at {self._address.scheme}://{self._address.netloc}", "another server",
                "The secret is not sent there. If this is right, change the host of the connection "
                f"{self.connector.connection}, or declare another pagination.",
            )  # fmt: skip
        asked = (request.method, request.url, request.body)
        if asked in self._asked:
            raise self.problem(
                request.url, "another page", f"that page {len(self._asked)} leads to one that was asked for before",
                "The pagination goes in a circle: see whether the declared one is the one that the API has now.",
            )
        if len(self._asked) >= self.connector.most_pages:
            raise self.problem(
                request.url, f"at most {self.connector.most_pages} pages", "more",
                "Declare a larger page size, a later initial_value, or more of most_pages, unless the API goes on without end.",
            )
        self._asked.add(asked)
        time.sleep(max(0.0, self._next_request_at - time.monotonic()))
        if self.connector.requests_per_minute:
            self._next_request_at = time.monotonic() + 60 / self.connector.requests_per_minute

    def _check_answer(self, response: Response) -> None:
        """Raise UnexpectedAnswer when the answer is not as declared; make its numbers exact."""
        connection, url = self.connector.connection, response.url
        status, media_type = response.status_code, response.headers.get("Content-Type", "bytes of no type").split(";")[0]
        if status in (401, 403):
            raise self.problem(
                url, "an answer", f"{status}: not let in",
                f"The secret of the connection {connection} is wrong, has expired or may not read this: renew it in Airflow.",
            )
        if 300 <= status < 400:
            raise self.problem(
                url, "JSON",
                f"{status}: a redirect to {response.headers.get('Location', 'nowhere').partition('?')[0][:LONGEST_TOLD]}",
                f"If that is a login page, renew the secret of the connection {connection}; if the API has moved, change its "
                "host.",
            )
        if status >= 400:
            wait = response.headers.get("Retry-After", "")[:LONGEST_TOLD]
            what_to_do = {
                404: "See whether the API has moved: the path is declared, the address stands in the connection.",
                429: "Declare fewer requests_per_minute, or load at another time.",
            }.get(status, "Run this again later, or ask who runs the API." if status >= 500 else "See the declared parameters.")
            found = f"{status}{f', to wait {wait}' if wait else ''} after {self.connector.attempts} attempts" if (
                status == 429 or status >= 500
            ) else str(status)
            raise self.problem(url, "an answer", found, what_to_do)
        try:
            answer = simplejson.loads(response.content, use_decimal=True)
        except (ValueError, RecursionError) as error:
            page = " (a web page, perhaps a login)" if response.content.lstrip()[:1] == b"<" else ""
            raise self.problem(
                url, "JSON", f"{media_type}{page} of {len(response.content)} bytes",
                f"See whether the secret of the connection {connection} is still good, and what the API gives there now.",
            ) from error
        response.json = lambda **_: answer
        self._check_page(url, answer)

    def _check_page(self, url: str, answer: object) -> None:
        for keys, value in self.connector.expect.items():
            if (found := at(answer, keys)) != value or isinstance(found, bool) != isinstance(value, bool):
                raise self.problem(url, f"{value!r} at {keys}", _told(found), "The API says that something is wrong.")
        where = self.connector.records
        records = at(answer, where) if where else answer
        if records is None and where:
            records = []
        if not isinstance(records, list):
            is_object = isinstance(answer, dict)
            keys = ", ".join(key[:LONGEST_TOLD] for key in list(answer)[:10]) if is_object else type(answer).__name__
            raise self.problem(
                url, f"a list at {where or 'the top of the answer'}", f"{_told(records)}; the answer has: {keys}",
                "The API has changed, or answers with an error: declare under connector.records where the list is.",
            )
        self._check_paging(url, answer, records)
        strange = next((record for record in records if not isinstance(record, dict)), None)
        if strange is not None:
            raise self.problem(
                url, "records with keys", type(strange).__name__, "Declare under connector.records where they are."
            )
        if records:
            page = hashlib.sha256(simplejson.dumps(records, sort_keys=True).encode()).digest()
            if page in self._pages:
                raise self.problem(
                    url, "another page", f"page {len(self._asked)} to be the same as one before",
                    "The API does not heed the declared pagination: see which parameters it has now.",
                )
            self._pages.add(page)
        if self.connector.record_id:
            self._check_ids(url, records)
        self.records += len(records)

    def _check_paging(self, url: str, answer: object, records: list) -> None:
        """What dlt reads of an answer to find the next page must be there: it prints the whole answer otherwise."""
        paging = self.connector.pagination
        if records and (total_path := getattr(paging, "total_path", None)):
            total = at(answer, total_path)
            if isinstance(total, bool) or not str(total).isdigit():
                raise self.problem(
                    url, f"a number at {total_path}", _told(total), "Declare under pagination where the total is."
                )
            if self._last_total is not None and int(total) < self._last_total:
                raise self.problem(
                    url, f"{self._last_total} at {total_path}, as on the page before",
                    f"{total}: the list shrank while it was paged",
                    "Records may have been left out: run this again. If it stays, declare end_param, or a pagination by cursor "
                    "or link.",
                )  # fmt: skip
            self._last_total = int(total)
        if records and (has_more := getattr(paging, "has_more_path", None)) and not isinstance(at(answer, has_more), bool):
            raise self.problem(
                url, f"true or false at {has_more}", _told(at(answer, has_more)), "Declare under pagination what the API has now."
            )
        if paging.type == "offset" and records:
            if self._short_page or len(records) > paging.limit:
                raise self.problem(
                    url, f"{paging.limit} records per page, as declared", "pages of another size",
                    "Records would be left out: declare a limit that the API keeps to.",
                )  # fmt: skip
            self._short_page = len(records) < paging.limit

    def _check_ids(self, url: str, records: list[dict]) -> None:
        for record in records:
            value = at(record, self.connector.record_id)
            if value is None or value is NOT_THERE:
                raise self.problem(
                    url, f"{self.connector.record_id} in each record", f"a record with: {', '.join(record)}",
                    "Declare record_id anew.",
                )  # fmt: skip
            if str(value) in self._ids:
                raise self.problem(
                    url, f"each {self.connector.record_id} once", "one that was in this load before",
                    "The list changed while it was paged, so that others may be missing: run this again. If it stays, let the "
                    "API sort by something that does not change.",
                )  # fmt: skip
            self._ids.add(str(value))


class _LimitedAdapter(HTTPAdapter):
    """Stops reading an answer that is larger than declared; inside of dlt's attempts, so that a broken one is tried again."""

    def __init__(self, load: CarefulSession) -> None:
        super().__init__()
        self._load = load

    def send(self, request: PreparedRequest, *arguments, **options) -> Response:
        response = super().send(request, *arguments, **options)
        response.raw = _Limited(response.raw, self._load, request.url)
        return response


class _Limited:
    """A body that ends with an error at the declared size, unpacked."""

    def __init__(self, raw, load: CarefulSession, url: str) -> None:
        self._raw, self._load, self._url = raw, load, url

    def __getattr__(self, name: str):
        return getattr(self._raw, name)

    def stream(self, size: int = CHUNK, decode_content: bool | None = None) -> Iterator[bytes]:
        """The body in chunks, as urllib3 gives it."""
        limit, read = self._load.connector.largest_answer_mb * 1_000_000, 0
        for chunk in self._raw.stream(CHUNK, decode_content=decode_content):
            read += len(chunk)
            if read > limit:
                self._raw.close()
                raise self._load.problem(
                    self._url, f"at most {self._load.connector.largest_answer_mb:g} MB per answer", "more",
                    "Declare a smaller page size, or more of largest_answer_mb.",
                )
            yield chunk


def _server(url: SplitResult) -> tuple:
    return url.scheme, url.hostname, url.port or {"http": 80, "https": 443}.get(url.scheme)


def at(value: object, keys: str) -> object:
    """The value at keys joined by dots; NOT_THERE when a key is missing."""
    for key in keys.split("."):
        if not isinstance(value, dict) or key not in value:
            return NOT_THERE
        value = value[key]
    return value


def _told(value: object) -> str:
    """What was found, for an error: nothing that may be personal."""
    if value is NOT_THERE:
        return "nothing"
    return repr(value) if isinstance(value, (int, bool)) or value is None else type(value).__name__


def _reason(error: BaseException) -> str:
    """The kind of a network error: its text holds the URL with its parameters."""
    return type(error).__name__
