"""Scripts and languages: told by letters first, then by small words, for whoever is made for other ones."""

import pytest

from assistant.documents.language import foreign_language, foreign_script, names_of
from assistant.documents.scripts import main_script

ENGLISH_AND_FRENCH = frozenset(("en", "fr"))


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("长江是亚洲最长的河流,全长约6300公里。", "Chinese"),
        ("富士山は日本で一番高い山です。高さは3776メートルです。", "Japanese"),
        ("한라산은 제주도에 있는 산이다.", "Korean"),
        ("Волга впадает в Каспийское море.", "a language in Cyrillic script"),
        ("يقع النهر في شمال البلاد", "a language in Arabic script"),
        ("Ο ποταμός είναι μακρύς.", "Greek"),
        ("गंगा भारत की सबसे लंबी नदी है।", "a language in Devanagari script"),
        ("Der Fluss ist mit dem See verbunden und die Brücke ist nicht alt.", "German"),
        ("The river is long.", None),
        ("Le fleuve est long et il coule vers la mer.", None),
        ("The word 长江 means long river, and the river is long.", None),
        ("12 + 30 = 42", None),
    ],
)
def test_a_text_is_foreign_to_models_of_other_languages(text: str, language: str | None) -> None:
    assert foreign_language(text, ENGLISH_AND_FRENCH) == language


def test_a_model_that_names_no_languages_knows_them_all() -> None:
    assert foreign_language("长江是亚洲最长的河流", frozenset()) is None
    assert foreign_script("长江是亚洲最长的河流", frozenset(("zh",))) is None


def test_a_text_without_letters_is_in_no_script() -> None:
    assert main_script("12 !?") is None


def test_a_long_text_is_judged_by_all_of_its_parts() -> None:
    text = "A title in English. " + "Волга впадает в Каспийское море. " * 20_000
    script = main_script(text)
    assert script is not None
    assert "ru" in script.languages


def test_languages_are_named_for_a_sentence() -> None:
    assert names_of(("fr", "en")) == "English and French"
    assert names_of(("en",)) == "English"
