"""A real mail server and a real web server that keep what they are sent."""

from __future__ import annotations

import json
import ssl
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from aiosmtpd.controller import Controller
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from orchestration.local_airflow import free_port


def self_made_certificate(folder: Path) -> Path:
    """A PEM file with a key and its own certificate for `localhost`, which nobody trusts who is not told to."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name.from_rfc4514_string("CN=localhost")
    now = datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "localhost.pem"
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path


class MailServer:
    """An SMTP server on a free port: without TLS, or, with a certificate, one that takes nothing before STARTTLS.

    `mails`: (sender, recipients, message) as they came.
    """

    def __init__(self, certificate: Path | None = None) -> None:
        self.mails: list[tuple[str, list[str], EmailMessage]] = []
        self.is_encrypted = certificate is not None
        encryption = {}
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            encryption = {"tls_context": context, "require_starttls": True}
        self.controller = Controller(self, hostname="localhost", port=free_port(), **encryption)

    async def handle_DATA(self, server, session, envelope) -> str:  # noqa: N802, as aiosmtpd calls it
        assert (session.ssl is not None) == self.is_encrypted
        message = message_from_bytes(envelope.content, policy=policy.default)
        self.mails.append((envelope.mail_from, envelope.rcpt_tos, message))
        return "250 OK"

    def __enter__(self) -> MailServer:
        self.controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.controller.stop()

    @property
    def connection(self) -> str:
        """The Airflow connection of this server, as JSON."""
        extra = {"from_email": "gmw@district.example", "disable_ssl": True, "disable_tls": not self.is_encrypted}
        return json.dumps({"conn_type": "smtp", "host": "localhost", "port": self.controller.port, "extra": extra})


@dataclass
class WebServer:
    """An HTTP server on a free port. `answers`: status codes of the next requests, then 200. `requests`: (headers, body)."""

    answers: list[int] = field(default_factory=list)
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def __enter__(self) -> WebServer:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # noqa: N802, as http.server calls it
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.requests.append((dict(self.headers), body))
                self.send_response(outer.answers.pop(0) if outer.answers else 200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def connection(self, secret: str) -> str:
        """The Airflow connection of this server, as JSON."""
        host = f"http://127.0.0.1:{self._server.server_address[1]}/hooks/gmw"
        return json.dumps({"conn_type": "http", "host": host, "password": secret})
