import pytest

from assistant.documents.language import guess_language, language_name


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


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("The tower stands on the headland and it was lit in the autumn of the same year.", "English"),
        ("Le phare est sur la côte et il a été allumé pour les bateaux qui rentrent dans le port.", "French"),
        ("Der Turm ist hoch und das Licht wird von der Küste aus gesehen, auch wenn es nicht hell ist.", "German"),
        ("El faro fue construido por los vecinos y es una de las torres más altas del norte.", "Spanish"),
        ("def area(width, height):\n    return width * height\n\nfor size in sizes:\n    print(area(*size))", None),
        ("Helsinki, Oslo, Stockholm: Nordic capitals by population, density, elevation, rainfall, altitude", None),
        ("1 2 3 ¶", None),
        ("东京是日本的首都。", None),
    ],
    ids=["en", "fr", "de", "es", "code", "list", "none", "zh"],
)
def test_a_language_is_named_only_where_there_is_no_doubt(text: str, name: str | None) -> None:
    assert language_name(text) == name
