import pytest

from assistant.documents.language import guess_language


@pytest.mark.parametrize(
    "text, language",
    [
        ("The Amazon rainforest covers most of the basin of the river.", "en"),
        ("La forêt amazonienne couvre la plus grande partie du bassin.", "fr"),
        ("J'habite à Lyon depuis l'été.", "fr"),
        ("Der Wald ist nicht so groß wie das Becken.", "de"),
        ("El bosque es una de las más grandes del mundo.", "es"),
        ("Quelle est la capitale ?", "fr"),
        ("What is the capital?", "en"),
        ("x = 1", None),
        ("", None),
        ("木曜日", None),
    ],
)
def test_a_language_is_known_by_its_small_words(text: str, language: str | None) -> None:
    assert guess_language(text) == language
