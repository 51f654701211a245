import pytest

from tests.tui.harness import ARTICLE
from tests.tui.test_paste import FRENCH, PYTHON
from tui.language import language


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ARTICLE, "English"),
        (FRENCH, "French"),
        ("Der Turm ist hoch und das Licht wird von der Küste aus gesehen, auch wenn es nicht hell ist.", "German"),
        ("El faro fue construido por los vecinos y es una de las torres más altas del norte.", "Spanish"),
        (PYTHON, ""),
        ("1 2 3 ¶", ""),
        ("东京是日本的首都。", ""),
    ],
    ids=["en", "fr", "de", "es", "code", "none", "zh"],
)
def test_the_language_is_told_by_its_commonest_words(text: str, expected: str):
    assert language(text) == expected
