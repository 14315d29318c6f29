"""What a declaration says of the way a source arrives: one class per `type`, the connector of the same name follows it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal, Union

from pydantic import Field, field_validator

from ingest.declared.rest_api import RestApi
from ingest.declared.strict import Strict


class DropFolder(Strict):
    """Files in a folder of this machine: `root` is a folder of the settings, `pattern` a glob below it."""

    is_remote: ClassVar[bool] = False

    type: Literal["drop_folder"]
    root: Literal["drop", "examples"] = "drop"
    pattern: str

    @field_validator("pattern")
    @classmethod
    def _inside_root(cls, value: str) -> str:
        if value.startswith("/") or ".." in Path(value).parts:
            raise ValueError(f"expected a glob below the root, found {value!r}")
        return value


Connector = Annotated[Union[DropFolder, RestApi], Field(discriminator="type")]
