"""Text in other encodings than UTF-8: read where there is no doubt, refused where there is."""

import random
import sys

import pytest

from assistant.documents.encodings import decode_text
from assistant.documents.open import decode_document
from assistant.errors import DocumentError

FRENCH = (
    "Le phare fut allumé en 1872. L'été dernier, des élèves de l'école ont visité la tour ; ils ont été émerveillés "
    "par la lumière. À côté, le gardien préparait déjà le dîner. Ça ne coûte rien, dit-il, et vous êtes invités.\n"
)
ENGLISH = (
    "“It’s the keeper’s house,” she said — and smiled. The café near the old bridge is open till nine o’clock, and the "
    "people who work there don’t mind a late guest who only wants to look at the sea.\n"
)
TEXTS = [
    (FRENCH, "latin-1"),
    (FRENCH, "cp1252"),
    (ENGLISH, "cp1252"),
    ("Die Brücke über den Fluß wurde 1872 geöffnet. Große Schiffe können nicht hindurch, weil die Höhe nicht "
     "genügt, und die Bürger ärgern sich darüber schon länger.\n", "cp1252"),
    ("Маяк был построен в 1872 году на скалистом берегу. Его свет виден за двадцать миль.\n", "cp1251"),
    ("Маяк был построен в 1872 году на скалистом берегу. Его свет виден за двадцать миль.\n", "koi8-r"),
    ("Ο φάρος χτίστηκε το 1872 στη βραχώδη ακτή. Το φως του φαίνεται από μακριά.\n", "cp1253"),
    ("灯台は1872年に岩の多い海岸に建てられました。その光は二十マイル先からも見えます。\n", "shift-jis"),
    ("灯台は1872年に岩の多い海岸に建てられました。その光は二十マイル先からも見えます。\n", "euc-jp"),
    ("灯塔建于1872年，位于多岩石的海岸。它的光在二十英里外都能看到，水手们至今仍感谢守塔人。\n", "gbk"),
    ("등대는 1872년에 바위 해안에 세워졌습니다. 그 빛은 이십 마일 밖에서도 보입니다.\n", "euc-kr"),
]  # fmt: skip


@pytest.mark.parametrize("text, encoding", TEXTS)
@pytest.mark.parametrize("times", [1, 30])
def test_a_text_in_a_common_encoding_is_read(text: str, encoding: str, times: int) -> None:
    document = decode_document("a.txt", (text * times).encode(encoding))
    assert document.text == text * times
    assert document.encoding != "utf-8"


def test_one_foreign_word_in_a_long_text_is_enough_where_it_stands_among_others() -> None:
    text = "Nothing but plain words on this line.\n" * 2000 + ENGLISH
    assert decode_document("a.txt", text.encode("cp1252")).text == text


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-8"])
def test_text_with_a_byte_order_mark_needs_no_extra(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "charset_normalizer", None)
    document = decode_document("a.txt", "déjà\r\nvu 😀".encode(encoding))
    assert (document.text, document.encoding) == ("déjà\r\nvu 😀", encoding)


@pytest.mark.parametrize(
    "text, encoding",
    [
        ("déjà", "latin-1"),
        ("café crème à Lyon", "cp1252"),
        ("Čeština se psala v různých kódováních; který z nich to je, zde nelze poznat. Šťastný žák.", "iso8859-2"),
        ("A könyvtár hétfőn zárva van, de a fűtés működik, és a bőröndök őrzése is megoldott.", "cp1250"),
    ],
)
def test_a_text_in_a_doubtful_encoding_is_refused_rather_than_guessed(text: str, encoding: str) -> None:
    with pytest.raises(DocumentError, match=r"not UTF-8 text.*iconv"):
        decode_document("a.txt", text.encode(encoding))


def test_damaged_utf8_is_not_taken_for_another_encoding() -> None:
    data = (FRENCH * 5).encode()
    with pytest.raises(DocumentError, match="not UTF-8 text"):
        decode_document("a.txt", data[:301] + b"\xc3" + data[301:])


def test_rubbish_is_refused() -> None:
    chance = random.Random(0)
    for low in (1, 32, 128):
        for length in (20, 500, 5000):
            with pytest.raises(DocumentError):
                decode_document("a.bin", b"\xff\x81" + bytes(chance.randrange(low, 256) for _ in range(length)))
    with pytest.raises(DocumentError, match="begins like UTF-16 text"):
        decode_document("a.txt", b"\xff\xfe\x00\xd8\x00\xd8")


def test_without_the_extra_only_other_encodings_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "charset_normalizer", None)
    assert decode_document("a.py", "é = 1".encode()).text == "é = 1"
    with pytest.raises(DocumentError, match=r"terminal-assistant\[documents\]"):
        decode_document("a.txt", FRENCH.encode("latin-1"))


@pytest.mark.parametrize(("text", "encoding"), [each for each in TEXTS if each[1] in ("shift-jis", "gbk", "euc-kr")])
@pytest.mark.parametrize("before", ["", "a"])
def test_a_long_text_is_read_wherever_its_sample_ends(text: str, encoding: str, before: str) -> None:
    long = before + text * 2_000
    assert decode_document("a.txt", long.encode(encoding)).text == long


@pytest.mark.parametrize("declared", ["idna", "punycode", "unicode_escape", "raw_unicode_escape"])
def test_an_encoding_that_is_none_of_texts_is_not_believed(declared: str) -> None:
    # Python's reader of internationalised names takes a time that grows with the square of such a name.
    data = b"xn--" + b"a" * 200_000 + b".\xff"
    with pytest.raises(DocumentError, match="not UTF-8 text"):
        decode_text("a.html", data, declared)
