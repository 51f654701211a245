"""A question made of a row's columns, such as "What does {company} say about {topic}?"."""

import string
from collections.abc import Mapping
from typing import Any

from assistant.batch.rows import BatchLineError
from assistant.errors import UsageError, did_you_mean


class Template:
    """A text with column names in braces; a brace itself is written twice.

    Names only: a format string could otherwise reach into what it is given.

    Raises:
        UsageError: the braces do not pair, or hold something that is no plain name, or there is no name.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        try:
            parts = list(string.Formatter().parse(text))
        except ValueError as error:
            raise UsageError(f"--template: {error}; write {{column}}, and a brace itself twice.") from error
        for _, name, form, conversion in parts:
            if name is not None and (not name or form or conversion):
                raise UsageError(f"--template {text!r}: between braces stands the name of a column, and nothing else.")
        self._parts = [(literal, name) for literal, name, _, _ in parts]
        if not any(name for _, name in self._parts):
            raise UsageError(f"--template {text!r} names no column, so every question would be the same.")

    def fill(self, fields: Mapping[str, Any]) -> str:
        """The question of a row.

        Raises:
            BatchLineError: the row has no such column, or nothing in it.
        """
        return "".join(literal + (self._value(fields, name) if name else "") for literal, name in self._parts)

    def _value(self, fields: Mapping[str, Any], name: str) -> str:
        value = fields.get(name)
        if value is None:
            hint = did_you_mean(name, fields, "")
            raise BatchLineError(f'the template needs "{name}"{"; " + hint if hint else ""}')
        if not isinstance(value, str | int | float):
            raise BatchLineError(f'the template needs a text or a number in "{name}"')
        return str(value)
