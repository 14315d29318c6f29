"""Opens remote stores with what an Airflow connection holds: S3-compatible ones, SFTP servers, directory listings over HTTP."""

from __future__ import annotations

import io
import stat
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote, urlsplit

import paramiko
import yarl
from fsspec import AbstractFileSystem
from fsspec.implementations.sftp import SFTPFileSystem

from ingest.connectors.credentials import Credentials
from ingest.declared.connectors import RemoteFolder

TIMEOUT_SECONDS = 60
SFTP_REQUESTS_AT_ONCE = 64
S3_BLOCK_BYTES = 8 << 20
PRIVATE_KEYS = (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey)


def connect(declared: RemoteFolder, login: Credentials | None) -> AbstractFileSystem:
    """A file system of fsspec for a location. Args: login: what its Airflow connection holds, None without one.
    Raises: ValueError when the connection lacks something; what the library raises."""
    opened = {"s3": _s3, "sftp": _sftp, "http": _http, "https": _http}
    return opened[declared.scheme](declared, login)


def base(declared: RemoteFolder) -> str:
    """How the store itself names the location; ends with /."""
    parts = urlsplit(declared.location)
    return {"s3": parts.netloc + parts.path, "sftp": parts.path}.get(declared.scheme, declared.location)


def address(declared: RemoteFolder, login: Credentials | None, below: str) -> str:
    """The address of a file for the ledger: where it lies, never with which login."""
    if declared.scheme != "sftp":
        return declared.location + below
    port = f":{login.port}" if login.port else ""
    return f"sftp://{login.host}{port}{urlsplit(declared.location).path}{below}"


def open_file(store: AbstractFileSystem, path: str, info: dict) -> BinaryIO:
    """Open a file to read it once from its start, with little memory."""
    if isinstance(store, SFTPFileSystem):
        file = store.open(path, "rb")
        file.prefetch(info["size"], max_concurrent_requests=SFTP_REQUESTS_AT_ONCE)
        return file
    if "s3" in store.protocol:
        return store.open(path, "rb", block_size=S3_BLOCK_BYTES)
    # A stream, not ranges: ranges of a file that changes meanwhile would be put together. With a size, none is asked for first.
    return store.open(path, "rb", block_size=0, size=-1)


def info(store: AbstractFileSystem, path: str) -> dict:
    """Size and version of a file, as the store tells them now. Raises what the library raises."""
    try:
        return store.info(path)
    except FileNotFoundError as error:
        # Over HTTP every error is told as this one; its cause says whether trying again makes sense.
        raise error.__cause__ or error


def reconnect(store: AbstractFileSystem) -> None:
    """Connect again, where a connection is kept: after an error it may be dead."""
    if isinstance(store, SFTPFileSystem):
        store.client.close()
        store._connect()


def close(store: AbstractFileSystem) -> None:
    """End the connection, where one is kept."""
    if isinstance(store, SFTPFileSystem):
        store.client.close()


def _s3(declared: RemoteFolder, login: Credentials | None) -> AbstractFileSystem:
    """Extra of the connection: endpoint_url, region_name, aws_session_token, config_kwargs (as Airflow's Amazon provider has
    them). Without a connection or a login in it, the machine's own role or profile counts."""
    from s3fs import S3FileSystem

    extra = login.extra if login else {}
    return S3FileSystem(
        key=login and login.login, secret=login and login.password, token=extra.get("aws_session_token"),
        endpoint_url=extra.get("endpoint_url") or extra.get("host"),
        client_kwargs={"region_name": extra["region_name"]} if extra.get("region_name") else {},
        config_kwargs=extra.get("config_kwargs", {}), skip_instance_cache=True, use_listings_cache=False,
    )


def _http(declared: RemoteFolder, login: Credentials | None) -> AbstractFileSystem:
    """The connection: login and password (basic authentication), extra: headers."""
    import aiohttp
    from fsspec.implementations.http import HTTPFileSystem

    host = urlsplit(declared.location).hostname
    options = {"timeout": aiohttp.ClientTimeout(total=None, sock_connect=TIMEOUT_SECONDS, sock_read=TIMEOUT_SECONDS),
               "trust_env": True}
    if login:
        told = urlsplit(login.host if "://" in (login.host or "") else f"//{login.host or ''}").hostname
        if told != host:
            raise ValueError(f"expected the connection {login.connection!r} to be for the host {host}, found {told}")
        options["headers"] = dict(login.extra.get("headers", {}))
        if login.login:
            options["headers"]["Authorization"] = aiohttp.BasicAuth(login.login, login.password or "", "utf-8").encode()
        options["trace_configs"] = [_no_redirect_elsewhere()]
    return HTTPFileSystem(simple_links=False, client_kwargs=options, skip_instance_cache=True)


def _no_redirect_elsewhere():
    """Headers of a login must not follow a redirect to another server."""
    import aiohttp

    async def check(session, context, parameters) -> None:
        target = parameters.url.join(yarl.URL(parameters.response.headers.get("Location", "")))
        if target.origin() != parameters.url.origin():
            raise PermissionError(f"the server redirects to another one ({target.origin()}), which the connection is not for")

    trace = aiohttp.TraceConfig()
    trace.on_request_redirect.append(check)
    return trace


def _sftp(declared: RemoteFolder, login: Credentials) -> AbstractFileSystem:
    """The connection: host, port, login, password; extra: host_key, private_key (its text), private_key_passphrase, key_file (as
    Airflow's SSH provider has them)."""
    if not login.host or not login.login:
        raise ValueError(f"expected the connection {login.connection!r} to have host and login, found none")
    key_text = login.extra.get("private_key")
    passphrase = login.extra.get("private_key_passphrase")
    return _Sftp(
        login.host, host_keys=_host_keys(login), port=login.port or 22, username=login.login, password=login.password,
        pkey=_private_key(key_text, passphrase) if key_text else None, key_filename=login.extra.get("key_file"),
        passphrase=passphrase, look_for_keys=False, allow_agent=False, timeout=TIMEOUT_SECONDS, banner_timeout=TIMEOUT_SECONDS,
        auth_timeout=TIMEOUT_SECONDS, skip_instance_cache=True,
    )


class _Sftp(SFTPFileSystem):
    """The SFTP file system of fsspec, which would trust any server: here the server must show the key that is known for it."""

    def __init__(self, host: str, host_keys: paramiko.HostKeys, **options) -> None:
        self.host_keys = host_keys
        super().__init__(host, **options)

    def _connect(self) -> None:
        options = {name: value for name, value in self.ssh_kwargs.items() if name != "skip_instance_cache"}
        self.client = paramiko.SSHClient()
        for host, keys in self.host_keys.items():
            for key_type, key in keys.items():
                self.client.get_host_keys().add(host, key_type, key)
        self.client.set_missing_host_key_policy(paramiko.RejectPolicy())
        self.client.connect(self.host, **options)
        self.ftp = self.client.open_sftp()
        self.ftp.get_channel().settimeout(TIMEOUT_SECONDS)

    @staticmethod
    def _decode_stat(status, parent_path=None) -> dict:
        found = SFTPFileSystem._decode_stat(status, parent_path)
        if not stat.S_ISREG(status.st_mode) and found["type"] == "file":
            found["type"] = "other"  # a pipe: reading it would never end
        return found


def _host_keys(login: Credentials) -> paramiko.HostKeys:
    """The key that the server must show: `host_key` of the connection, else what ~/.ssh/known_hosts says."""
    known = paramiko.HostKeys()
    host = login.host if (login.port or 22) == 22 else f"[{login.host}]:{login.port}"
    if told := login.extra.get("host_key"):
        entry = paramiko.hostkeys.HostKeyEntry.from_line(f"{host} {told}")
        if entry is None or entry.key is None:
            raise ValueError(f"host_key of the connection {login.connection!r}: expected `ssh-ed25519 AAAA…`, found another form")
        known.add(host, entry.key.get_name(), entry.key)
        return known
    file = Path("~/.ssh/known_hosts").expanduser()
    if file.is_file():
        known.load(str(file))
    if known.lookup(host) is None:
        raise ValueError(
            f"expected the key of the SFTP server {host}, found none: put it into `host_key` in the extra of the connection "
            f"{login.connection!r} (`ssh-keyscan -t ed25519 -p {login.port or 22} {quote(login.host)}` prints it; compare it "
            "with what the server's owner says)"
        )
    return known


def _private_key(text: str, passphrase: str | None) -> paramiko.PKey:
    for kind in PRIVATE_KEYS:
        try:
            return kind.from_private_key(io.StringIO(text), password=passphrase)
        except (paramiko.SSHException, ValueError):
            continue
    raise ValueError("private_key in the extra of the connection: expected an OpenSSH or PEM key that its passphrase opens")
