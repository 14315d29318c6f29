"""The base of every part of a declaration."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

ConnectionId = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]


class Strict(BaseModel):
    """A part of a declaration: unknown keys are errors, so that a misspelt key is found."""

    model_config = ConfigDict(extra="forbid", frozen=True)
