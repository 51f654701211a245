"""Values of spreadsheets as their cells show them: dates, percentages, sums with their currency."""

import datetime
import re
from fractions import Fraction
from functools import lru_cache
from typing import Any

_CURRENCY = re.compile(r"\[\$([^\]-]*)(?:-[^\]]*)?\]")
_BRACKETS = re.compile(r"\[[^\]]*\]")
_LITERAL = re.compile(r'"([^"]*)"|\\(.)')
_SHAPE = re.compile(r"[#0?][#0?,.]*")
_MAX_PLACES = 10
_SCIENTIFIC = re.compile(r"[0#?]+(\.[0#?]*)?[eE][+-]([0#?]+)")
_FRACTION = re.compile(r"(?:([#0?]+)\s+)?[#0?]+\s*/\s*([#0?]{1,4}|[1-9]\d{0,3})")
_LARGEST_FRACTION = 1e9


def shown(value: Any, number_format: str | None = None) -> str:
    """A value as its cell shows it.

    Args:
        value: what the library gives: text, a number, a date, a truth value or None.
        number_format: the cell's format as Excel writes it, such as `#,##0.00 "EUR"`; None for the general one.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return _moment(value, number_format or "")
    if isinstance(value, datetime.timedelta):
        minutes, seconds = divmod(round(value.total_seconds()), 60)
        return f"{minutes // 60}:{minutes % 60:02d}" + (f":{seconds:02d}" if seconds else "")
    if isinstance(value, int | float):
        return _number(value, number_format or "General")
    return str(value).replace("\r\n", "\n")


def _moment(value: datetime.datetime | datetime.date | datetime.time, number_format: str) -> str:
    """A date in the order in which its format names day, month and year; else as ISO 8601 writes it."""
    if isinstance(value, datetime.time):
        return value.isoformat("seconds" if value.second else "minutes")
    code = _LITERAL.sub(lambda match: match[1] or match[2], _BRACKETS.sub("", number_format)).split(";")[0].lower()
    time = ""
    if isinstance(value, datetime.datetime) and ("h" in code or (not code and value.time() != datetime.time())):
        time = " " + value.time().isoformat("seconds" if "s" in code and value.second else "minutes")
    date = re.split(r"h", code)[0].strip(" ,@")
    if not re.search("[dmy]", date):
        return time.strip() if "h" in code and time else value.isoformat()[:10] + time
    if re.fullmatch(r"[dmy]+([^\w\s]\s?|\s)[dmy]+(?:\1[dmy]+)?.*", date) is None:
        return value.isoformat()[:10] + time
    return _date(value, date) + time


def _date(value: datetime.date, code: str) -> str:
    out = ""
    at = 0
    while at < len(code):
        run = re.match(r"d+|m+|y+|.", code[at:], re.DOTALL)
        piece = run[0] if run is not None else code[at]
        at += len(piece)
        if piece[0] == "y":
            out += f"{value.year:04d}" if len(piece) > 2 else f"{value.year % 100:02d}"
        elif piece[0] == "m":
            out += _named(value.strftime("%B"), len(piece)) if len(piece) > 2 else f"{value.month:0{len(piece)}d}"
        elif piece[0] == "d":
            out += _named(value.strftime("%A"), len(piece)) if len(piece) > 2 else f"{value.day:0{len(piece)}d}"
        else:
            out += piece
    return out.strip()


def _named(name: str, letters: int) -> str:
    return name if letters > 3 else name[:3]


def _number(value: float, number_format: str) -> str:
    sections = _sections(number_format)
    section = sections[1] if value < 0 and len(sections) > 1 else sections[0]
    if value == 0 and len(sections) > 2:
        section = sections[2]
    code = _CURRENCY.sub(lambda match: f'"{match[1]}"', section)
    code = re.sub(r"_.|\*.", "", _BRACKETS.sub("", code))
    outside = _LITERAL.sub("", code)
    shape = _SHAPE.search(outside)
    if match := _SCIENTIFIC.search(outside):
        return _scientific(value, len(match[1] or "") - 1 if match[1] else 0, len(match[2]))
    if (match := _FRACTION.search(outside)) and abs(value) < _LARGEST_FRACTION:
        return _fraction(value, match)
    if shape is None or "general" in outside.lower() or "e+" in outside.lower() or "/" in outside or "@" in outside:
        return _general(value)
    percent = "%" in outside
    places = min(len(shape[0].partition(".")[2].replace(",", "")), _MAX_PLACES)
    scaled = value * 100 if percent else value
    if "." not in shape[0] and shape[0].endswith(","):
        return _general(value)  # thousands left out: what is shown is not the value
    figure = f"{abs(scaled):,.{places}f}" if "," in shape[0] else f"{abs(scaled):.{places}f}"
    if "#" in shape[0].partition(".")[2] or "?" in shape[0].partition(".")[2]:
        least = shape[0].partition(".")[2].count("0")
        whole, _, rest = figure.partition(".")
        rest = rest[:least] + rest[least:].rstrip("0")
        figure = f"{whole}.{rest}" if rest else whole
    whole_places = shape[0].partition(".")[0].count("0")
    if "," not in shape[0] and whole_places > 1:
        figure = figure.zfill(whole_places + (places + 1 if places else 0))
    before, after = _around(code)
    minus = "-" if value < 0 and len(sections) < 2 and figure.strip("0.,") else ""
    return f"{minus}{before}{figure}{after}".strip()


def _scientific(value: float, places: int, figures: int) -> str:
    mantissa, _, power = f"{value:.{min(places, _MAX_PLACES)}E}".partition("E")
    return f"{mantissa}E{power[0]}{abs(int(power)):0{figures}d}"


def _fraction(value: float, match: re.Match[str]) -> str:
    """A value as a whole number and a fraction of figures as many as the format has, or of the denominator it names."""
    named = match[2].lstrip("0?#")
    limit = 10 ** min(len(match[2]), 4) - 1
    whole, rest = divmod(abs(value), 1)
    part = Fraction(round(rest * int(named)), int(named)) if named and int(named) else None
    part = Fraction(rest).limit_denominator(limit) if part is None else part
    top, bottom = part.numerator, part.denominator
    if named and int(named) and part.denominator != int(named):
        top, bottom = round(rest * int(named)), int(named)
    if top == bottom:
        whole, top = whole + 1, 0
    if not match[1]:
        top, whole = top + int(whole) * bottom, 0
    minus = "-" if value < 0 and (whole or top) else ""
    parts = [str(int(whole))] if whole or not top else []
    return minus + " ".join([*parts, f"{top}/{bottom}"] if top else parts)


def _around(code: str) -> tuple[str, str]:
    """What a format writes before and behind the figures."""
    plain = _LITERAL.sub(
        lambda match: "".join(chr(0xE000 + ord(c) % 0x1000) if c in "#0?," else c for c in match[0]), code
    )
    shape = _SHAPE.search(plain)
    if shape is None:
        return "", ""
    sides = plain[: shape.start()], plain[shape.end() :]
    before, after = (_LITERAL.sub(lambda match: match[1] if match[1] is not None else match[2], side) for side in sides)
    return before, after


@lru_cache(maxsize=1000)
def _sections(number_format: str) -> list[str]:
    sections = [""]
    for match in re.finditer(r'"[^"]*"|\\.|\[[^\]]*\]|;|.', number_format, re.DOTALL):
        if match[0] == ";":
            sections.append("")
        else:
            sections[-1] += match[0]
    return sections


def _general(value: float) -> str:
    if isinstance(value, int) or (value.is_integer() and abs(value) < 1e15):
        return str(int(value))
    return f"{value:.10g}"
