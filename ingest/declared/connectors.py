"""What a declaration says of the way a source arrives: one class per `type`, the connector of the same name follows it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal, Union
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from ingest.declared.rest_api import RestApi
from ingest.declared.sql_database import SqlDatabase
from ingest.declared.strict import ConnectionId, Strict

SCHEMES = {"s3": "s3://bucket/folder/", "sftp": "sftp:///folder/", "http": "http://host/folder/", "https": "https://host/folder/",
           "file": "file:///folder/"}


class Files(Strict):
    """What connectors of files have in common. `pattern` and `members` are globs; `archive` is the ending of the files that are
    unpacked; `max_file_megabytes` holds for a file and for all that comes out of an archive."""

    pattern: str
    archive: Literal["zip", "gz"] | None = None
    members: str = "**/*"
    max_file_megabytes: int = Field(default=2048, ge=1)
    minimum_age_seconds: int = Field(default=0, ge=0)

    @field_validator("pattern", "members")
    @classmethod
    def _inside_root(cls, value: str) -> str:
        if value.startswith("/") or ".." in Path(value).parts:
            raise ValueError(f"expected a glob below the root, found {value!r}")
        return value

    @model_validator(mode="after")
    def _members_of_an_archive(self) -> "Files":
        if "members" in self.model_fields_set and self.archive != "zip":
            raise ValueError("members: expected only where archive is zip")
        return self


class DropFolder(Files):
    """Files in a folder of this machine: `root` is a folder of the settings, `pattern` a glob below it."""

    is_remote: ClassVar[bool] = False

    type: Literal["drop_folder"]
    root: Literal["drop", "examples"] = "drop"


class RemoteFolder(Files):
    """Files in a folder that lies elsewhere: `location` is its address, the Airflow connection `connection` holds the login."""

    is_remote: ClassVar[bool] = True

    type: Literal["remote_folder"]
    location: str
    connection: ConnectionId | None = None

    @property
    def scheme(self) -> str:
        """How the folder is reached: s3, sftp, http, https, file."""
        return urlsplit(self.location).scheme

    @field_validator("location")
    @classmethod
    def _folder(cls, value: str) -> str:
        parts = urlsplit(value)
        if "@" in parts.netloc or parts.query or parts.fragment:
            raise ValueError("expected an address without login, query and fragment: a login belongs into the Airflow connection")
        if parts.scheme not in SCHEMES:
            raise ValueError(f"expected an address such as {', '.join(SCHEMES.values())}, found {value!r}")
        if bool(parts.netloc) != (parts.scheme not in ("sftp", "file")):
            raise ValueError(f"expected an address such as {SCHEMES[parts.scheme]}, found {value!r}")
        if ".." in parts.path.split("/") or "//" in parts.path:
            raise ValueError(f"expected an address without // and .. in its path, found {value!r}")
        return value.rstrip("/") + "/" if parts.path.rstrip("/") else f"{parts.scheme}://{parts.netloc}/"

    @model_validator(mode="after")
    def _login(self) -> "RemoteFolder":
        if self.scheme == "sftp" and not self.connection:
            raise ValueError("connection: expected the Airflow connection with host and login of the SFTP server")
        if self.scheme == "file" and self.connection:
            raise ValueError("connection: a folder of this machine needs none")
        return self


Connector = Annotated[Union[DropFolder, RemoteFolder, RestApi, SqlDatabase], Field(discriminator="type")]
