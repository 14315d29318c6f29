"""The base of every part of a declaration."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """A part of a declaration: unknown keys are errors, so that a misspelt key is found."""

    model_config = ConfigDict(extra="forbid", frozen=True)
