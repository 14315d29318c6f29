"""Real servers for the tests of remote folders: S3 (moto), SFTP (sshd), a web page. Each on a free port of 127.0.0.1."""

from __future__ import annotations

import base64
import getpass
import http.server
import json
import os
import shutil
import socket
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

SSHD = shutil.which("sshd") or "/usr/sbin/sshd"


@dataclass
class S3:
    """An S3-compatible store that knows one login. `client` may do everything."""

    url: str
    client: object
    login: str
    password: str


@contextmanager
def s3_server() -> Iterator[S3]:
    """Start an S3-compatible store that checks signatures, with the bucket `ledgers`."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        url = "http://{}:{}".format(*server.get_host_and_port())
        open_for_all = {"endpoint_url": url, "region_name": "us-east-1", "aws_access_key_id": "x", "aws_secret_access_key": "x"}
        users = boto3.client("iam", **open_for_all)
        users.create_user(UserName="gmw")
        key = users.create_access_key(UserName="gmw")["AccessKey"]
        everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
        users.put_user_policy(UserName="gmw", PolicyName="s3", PolicyDocument=json.dumps(everything))
        login, password = key["AccessKeyId"], key["SecretAccessKey"]
        client = boto3.client("s3", **{**open_for_all, "aws_access_key_id": login, "aws_secret_access_key": password})
        client.create_bucket(Bucket="ledgers")
        # From now on moto checks who asks.
        headers = {"Content-Type": "text/plain"}
        urllib.request.urlopen(urllib.request.Request(f"{url}/moto-api/reset-auth", b"0", headers, method="POST")).read()
        yield S3(url, client, login, password)
    finally:
        server.stop()


@dataclass
class Sftp:
    """An SFTP server. `folder` is what it serves, `connection` what an Airflow connection to it holds."""

    folder: Path
    port: int
    connection: dict


@contextmanager
def sftp_server(folder: Path) -> Iterator[Sftp]:
    """Start OpenSSH's server for the user that runs the tests, with a login by key; its configuration lies in `folder`."""
    if not os.path.exists(SSHD):
        pytest.skip("needs OpenSSH's server: apt-get install openssh-server")
    if os.geteuid() == 0:
        os.makedirs("/run/sshd", exist_ok=True)
    folder.mkdir()
    served = folder / "served"
    served.mkdir()
    for name in ("host_key", "user_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", folder / name], check=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "sshd_config").write_text(f"""
ListenAddress 127.0.0.1:{port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/user_key.pub
PermitRootLogin prohibit-password
PasswordAuthentication no
StrictModes no
UsePAM no
PidFile none
Subsystem sftp internal-sftp
""")
    process = subprocess.Popen([SSHD, "-D", "-e", "-f", folder / "sshd_config"], stderr=open(folder / "log", "wb"))
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, (folder / "log").read_text()
            time.sleep(0.05)
        keys = {"host_key": (folder / "host_key.pub").read_text().strip(), "private_key": (folder / "user_key").read_text()}
        login = {"conn_type": "sftp", "host": "127.0.0.1", "port": port, "login": getpass.getuser(), "extra": keys}
        yield Sftp(served, port, login)
    finally:
        process.terminate()
        process.wait(10)


@dataclass
class Web:
    """A directory listing over HTTP. `faults`: path → what goes wrong the next times it is asked for; `asked`: paths."""

    folder: Path
    url: str
    faults: dict[str, list] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


@contextmanager
def web_server(folder: Path, login: tuple[str, str] | None = None) -> Iterator[Web]:
    """Start Python's own web server on a folder, with basic authentication where a login is given.

    Faults: a status such as 503; `cut`, the answer ends before its length; a URL, the answer sends there; bytes, another answer.
    """
    expected = login and "Basic " + base64.b64encode(":".join(login).encode()).decode()

    class Handler(http.server.SimpleHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def __init__(self, *args) -> None:
            super().__init__(*args, directory=str(folder))

        def do_GET(self) -> None:
            web.asked.append(self.path)
            self._answer(super().do_GET)

        def do_HEAD(self) -> None:
            self._answer(super().do_HEAD)

        def _answer(self, usual) -> None:
            if expected and self.headers.get("Authorization") != expected:
                return self.send_error(401)
            faults = web.faults.get(self.path if self.command == "GET" else f"HEAD {self.path}")
            if not faults:
                return usual()
            fault = faults.pop(0)
            if isinstance(fault, int):
                return self.send_error(fault)
            if isinstance(fault, bytes):
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(fault)))
                self.end_headers()
                self.wfile.write(fault)
            elif fault == "cut":
                self.send_response(200)
                self.send_header("Content-Length", "1000000")
                self.end_headers()
                self.wfile.write(b"only the start")
                self.close_connection = True
            else:
                self.send_response(302)
                self.send_header("Location", fault)
                self.send_header("Content-Length", "0")
                self.end_headers()

        def end_headers(self) -> None:
            path = self.translate_path(self.path)
            if os.path.isfile(path):
                status = os.stat(path)
                self.send_header("ETag", f'"{status.st_mtime_ns}-{status.st_size}"')
            super().end_headers()

        def log_message(self, *args) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    web = Web(folder, f"http://127.0.0.1:{server.server_port}/")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield web
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
