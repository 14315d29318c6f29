"""One proposed column of a new source, with the reasons for it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

IDENTIFIER = re.compile(r"(^|_)(no|nr|id|number|nummer|code|key|uuid|uid|identifier|zip|sheet|voucher|receipt|bfs)(_\d+)?$")
CHINESE_IDENTIFIER = re.compile(r"编号|代码|序号|流水号|凭证号|收据号|号$|编码")


@dataclass
class Column:
    """A column as it would be declared.

    `name_why`, `type_why`, `personal_why`: what each rests on. `question`: entries of a survey question. `rows`, `filled`,
    `distinct`, `words`, `constant`, `looked_at`: what was seen. `is_filled`: the reader gives its value, no header has it.
    """

    name: str
    header: str
    type: str = "varchar"
    formats: list[str] = field(default_factory=list)
    personal: str | None = None
    free_text: bool = False
    personal_why: str = ""
    name_why: str = ""
    type_why: str = ""
    values: list[str] = field(default_factory=list)
    question: dict[str, object] | None = None
    not_null: bool = False
    unique: bool = False
    description: str = ""
    rows: int = 0
    filled: int = 0
    distinct: int = 0
    words: list[str] = field(default_factory=list)
    constant: str | None = None
    words_longest: int = 0
    looked_at: frozenset[str] = frozenset()
    is_filled: bool = False
    decimal: str = "."
    thousands: str | None = None
    required: bool = True

    def be_no_question(self) -> None:
        """What looked like answers to a question is a number, or words, after all."""
        if self.question and "codes" not in self.question:
            self.type, self.type_why = "integer", "whole numbers"
        elif self.question:
            self.values, self.type_why = sorted(self.words), f"one of {len(self.words)} words"
        self.question = None

    @property
    def is_dropped(self) -> bool:
        return self.personal in ("drop", "health")

    @property
    def is_number_of_something(self) -> bool:
        """Whether the name says that the values number or code something: such digits are text, not amounts."""
        return bool(IDENTIFIER.search(self.name) or CHINESE_IDENTIFIER.search(self.header))

    @property
    def entry(self) -> dict[str, object]:
        """What the declaration says of the column under config.meta.ingest."""
        found: dict[str, object] = {} if self.is_filled else {"header": [self.header]}
        found |= {"type": self.type} if self.type != "varchar" else {}
        found |= {"formats": self.formats} if self.formats else {}
        found |= {"decimal": self.decimal} if self.decimal != "." else {}
        found |= {"thousands": self.thousands} if self.thousands else {}
        found |= {"required": False} if not self.required else {}
        found |= {"personal": self.personal} if self.personal else {}
        found |= {"free_text": True} if self.free_text else {}
        found |= {"not_null": True} if self.not_null else {}
        found |= {"unique": True} if self.unique else {}
        found |= {"values": self.values} if self.values else {}
        found |= {"question": self.question} if self.question else {}
        return found
