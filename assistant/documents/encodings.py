"""From bytes to text: UTF-8 and byte order marks by themselves, other encodings detected where there is no doubt."""

import codecs
import re
from typing import TYPE_CHECKING

from assistant.documents.extras import missing
from assistant.errors import DocumentError

if TYPE_CHECKING:
    from charset_normalizer import CharsetMatch

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins with UTF-16's mark, so it is looked for first
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WESTERN = "cp1252"
_LATIN = (_WESTERN, "cp1250", "cp1254", "iso8859_2")
_OTHER = ("cp1251", "koi8_r", "cp1253", "cp1255", "cp1256", "cp932", "euc_jp", "gb18030", "big5", "cp949")
_WESTERN_LETTERS = frozenset("ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜßàáâãäåæçèéêëìíîïñòóôõöøùúûüÿŒœŸ")
_WESTERN_LANGUAGES = frozenset(
    "English French German Spanish Portuguese Italian Dutch Danish Norwegian Swedish Finnish Indonesian".split()
)
_SAMPLE = 100_000  # bytes
_NO_CHARSETS = frozenset({"idna", "punycode", "raw-unicode-escape", "unicode-escape"})  # Python's own; some never end
_FEWEST_LETTERS = 20
_FOREIGN_SHARE = 0.35  # of the letters beyond ASCII: Latin scripts stay below it, others are far above
_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f]")


def decode_text(name: str, data: bytes, declared: str | None = None) -> tuple[str, str]:
    """The text that bytes stand for, and the name of its encoding.

    Args:
        name: what the document is called.
        data: the bytes; a UTF-8 byte order mark stays in the text, as ever.
        declared: the encoding that the document says it is in, tried after byte order marks and UTF-8.

    Raises:
        DocumentError: the bytes are binary, or their encoding is in doubt.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            try:
                return data.decode(encoding), encoding
            except UnicodeDecodeError as error:
                raise DocumentError(
                    f"{name}: it begins like {encoding.upper()} text, but is damaged at byte {error.start}; "
                    "get the file again, or save it as UTF-8."
                ) from error
    if b"\0" in data:
        raise DocumentError(f"{name}: this is a binary file, not text; convert it to UTF-8 text first.")
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError as error:
        detected = _known(data, declared) or _detect(name, data)
        if detected is None:
            raise DocumentError(
                f"{name}: not UTF-8 text (byte 0x{data[error.start]:02x} at {error.start}); "
                "convert it, for example with `iconv -f LATIN1 -t UTF-8`."
            ) from error
        return data.decode(detected), detected


def _known(data: bytes, declared: str | None) -> str | None:
    try:
        if declared is None or not codecs.lookup(declared)._is_text_encoding:
            return None
        encoding = codecs.lookup(declared).name
        if encoding in _NO_CHARSETS:
            return None
        # Web pages that say ISO-8859-1 are read as its superset (WHATWG Encoding Standard).
        encoding = {"iso8859-1": _WESTERN, "ascii": _WESTERN, "shift_jis": "cp932", "gb2312": "gb18030"}.get(
            encoding, encoding
        )
        return None if _CONTROL.search(data.decode(encoding)) else encoding
    except (LookupError, ValueError):
        return None


def _detect(name: str, data: bytes) -> str | None:
    """The encoding, or None where more than one is likely or none is.

    charset-normalizer's measures rank single-byte encodings of one script almost at random, so they are only weighed
    here: an encoding must suit the share of foreign letters; Windows-1252 must give a western language in western
    letters; any other must be clearly better than every encoding that gives another text.
    """
    try:
        from charset_normalizer import from_bytes
    except ImportError as error:
        raise missing(name, "text that is not UTF-8", error) from error

    if _is_damaged_utf8(data):
        return None
    # Lines of plain ASCII are the same in all of these and would only dilute what is measured.
    sample = b"\n".join(line for line in data.splitlines() if not line.isascii())
    if len(sample) > _SAMPLE:  # cut between lines or words, as a character cut in two is none in its encoding
        end = max(sample.rfind(mark, 0, _SAMPLE) for mark in (b"\n", b" "))
        sample = sample[: end if end > 0 else _SAMPLE]
    found = [
        match
        for match in from_bytes(sample, cp_isolation=[*_LATIN, *_OTHER], enable_fallback=False)
        if _plausible(str(match), latin=match.encoding in _LATIN)
    ]
    if not found:
        return None
    western_text = sample.decode(_WESTERN, "replace")
    western = next((match for match in found if str(match) == western_text), None)
    best = found[0]
    if (
        western is not None
        and western.chaos <= best.chaos + 0.1
        and western.coherence >= 0.5
        and western.language in _WESTERN_LANGUAGES
        and _is_western(western_text)
    ):
        return _suits(data, _WESTERN)
    others = [match for match in found if str(match) != str(best)]
    if best is western:  # in a language that is not western: believed only where nothing else is possible
        return None if others else _suits(data, _WESTERN)
    return None if any(_rivals(match, best) for match in others) else _suits(data, best.encoding)


def _rivals(match: "CharsetMatch", best: "CharsetMatch") -> bool:
    """Whether a match is likely enough, beside the best one, that choosing would be guessing."""
    siblings = {match.encoding, best.encoding} == {"cp1250", "iso8859_2"}  # they differ in a handful of letters
    return (
        (match.chaos <= best.chaos + 0.02 and match.coherence >= best.coherence - 0.02)
        or (match.chaos <= best.chaos + 0.1 and match.coherence >= best.coherence + 0.1)
        or (siblings and match.chaos <= best.chaos + 0.1)
    )


def _is_western(text: str) -> bool:
    """Whether the letters beyond ASCII are those of western languages, but for a few in foreign names."""
    foreign = [char for char in text if char > "\x7f" and char.isalpha()]
    return sum(char not in _WESTERN_LETTERS for char in foreign) <= 0.03 * len(foreign)


def _is_damaged_utf8(data: bytes) -> bool:
    """Whether most of what is not ASCII is valid UTF-8; other encodings hardly ever look so."""
    foreign = re.sub("[\x00-\x7f]", "", data.decode("utf-8", "replace"))
    return foreign.count("\ufffd") < len(foreign) / 2


def _plausible(text: str, *, latin: bool) -> bool:
    """Whether a text is long enough to tell, and has the share of foreign letters that its script has."""
    letters = [char for char in text if char.isalpha()]
    foreign = sum(char > "\x7f" for char in letters)
    return len(letters) >= _FEWEST_LETTERS and (foreign < _FOREIGN_SHARE * len(letters)) == latin


def _suits(data: bytes, encoding: str) -> str | None:
    """The encoding, if all of the data can be read in it and none of it comes out as a control character."""
    try:
        return None if _CONTROL.search(data.decode(encoding)) else encoding
    except UnicodeDecodeError:
        return None
