"""Which language a text is in, told by its small words."""

import re
from collections.abc import Collection
from functools import cache

from assistant.documents.scripts import main_script

_WORD = re.compile(r"[^\W\d_]+(?=\b|['’])")
_WORDS_LOOKED_AT = 400
_SURE_SHARE = 0.15  # of the words must be small ones of the language
_SURE_AHEAD = 1.5  # times as many as of the next language
_LONGEST_QUESTION = 2_000  # characters
_NAMES = {
    "en": "English", "fr": "French", "de": "German", "es": "Spanish", "it": "Italian", "pt": "Portuguese",
    "nl": "Dutch",
}  # fmt: skip
_SMALL_WORDS = {
    "en": "the of and to in is was that for it as with on by are this be from at which were an or not have has had his "
    "their they who what when where how why does did",
    "fr": "le la les de des du et un une est en que qui dans pour il elle sur au aux par pas ne ce cette sont avec "
    "plus son sa ses ou mais nous vous ils je était été quel quelle où comment pourquoi quand l d j qu n s c",
    "de": "der die das und ist nicht ein eine zu von mit den dem des im für auf sich auch es an werden aus er sie wir",
    "es": "el la los las de y que en un una es por con para no se del al lo como más pero su sus fue son está ha",
    "it": "il lo la gli le di e che un una è per con non si del della dei delle al alla da sono come più ma nel anche",
    "pt": "o a os as de e que em um uma é por com para não se do da dos das ao como mais mas foi são está no na",
    "nl": "de het een en van is dat niet te in op zijn voor met die aan er om ook als bij maar was wordt door",
}

# How questions begin in languages other than English and French; words that several of all these share are left out.
_QUESTION_WORDS = {
    "de": "wer wen wem wann warum weshalb wieso wieviel wieviele wohin woher welche welcher welches was wo wie",
    "es": "quién quiénes cuándo dónde cómo cuál cuáles cuánto cuánta cuántos cuántas qué",
    "it": "chi dove perché quale quali quanti quante cosa cos com'è qual",
    "pt": "quem onde quantos quantas qual quais porquê",
    "nl": "wie waar waarom wanneer hoeveel welke hoe wat",
}
_SURE_WORDS = 2
_SHARE_HELD = 0.5


def question_language(question: str) -> str | None:
    """The language of a question, which is short: by its small words, and by the word that it begins with.

    None where two small words at least do not tell, so that names and single words are of no language.
    """
    words = [word.lower() for word in _WORD.findall(question[:_LONGEST_QUESTION])]
    counts = {language: sum(word in small for word in words) for language, small in _small_words().items()}
    for language, begins in _QUESTION_WORDS.items():
        counts[language] += 2 * any(word in begins.split() for word in words[:2])
    (code, count), (_, next_count) = sorted(counts.items(), key=lambda pair: -pair[1])[:2]
    return code if count >= _SURE_WORDS and count > next_count else None


def holds_language(text: str, code: str) -> bool:
    """Whether some of a text may be in a language: its words do not tell, or speak for it nearly as for another."""
    words = [word.lower() for word in _WORD.findall(text[: 12 * _WORDS_LOOKED_AT])][:_WORDS_LOOKED_AT]
    counts = {language: sum(word in small for word in words) for language, small in _small_words().items()}
    most = max(counts.values())
    return most < _SURE_WORDS or counts[code] >= _SHARE_HELD * most


def is_in_latin_script(text: str) -> bool:
    """Whether at least half of a text's letters are Latin ones; true of a text without letters."""
    letters = [char for char in text[:_LONGEST_QUESTION] if char.isalpha()]
    return 2 * sum(char < "\u0250" or "\u1e00" <= char < "\u1f00" for char in letters) >= len(letters)


def guess_language(text: str) -> str | None:
    """The two-letter code of a text's language; None where its words do not tell (too few, or of no language known)."""
    code, count, next_count, _ = _nearest(text)
    return code if count > next_count else None


def language_name(text: str) -> str | None:
    """The English name of a text's language, for a label: None where its words leave a doubt."""
    code, count, next_count, words = _nearest(text)
    sure = count >= _SURE_SHARE * words and count >= _SURE_AHEAD * next_count
    return _NAMES[code] if sure and count else None


def foreign_language(text: str, languages: Collection[str]) -> str | None:
    """What a text is written in, for a sentence, where that is no language of those that a model is made for.

    It is told by the script of most letters, then by small words.

    Args:
        text: any text.
        languages: two-letter codes; none where the model does not say.
    """
    if not languages:
        return None
    if (script := foreign_script(text, languages)) is not None:
        return script
    code = guess_language(text)
    return _NAMES[code] if code is not None and code not in languages and language_name(text) == _NAMES[code] else None


def foreign_script(text: str, languages: Collection[str]) -> str | None:
    """The languages of a text's script, for a sentence, where no language that a model is made for is written in it."""
    script = main_script(text)
    if script is None or not languages or any(code in script.languages for code in languages):
        return None
    return script.name


def names_of(languages: Collection[str]) -> str:
    """Languages by name, for a sentence: "English and French"."""
    names = [_NAMES.get(code, code) for code in sorted(languages)]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _nearest(text: str) -> tuple[str, int, int, int]:
    """The language of most small words, how many are of it and of the next one, and how many words were looked at."""
    words = [word.lower() for word in _WORD.findall(text[: 12 * _WORDS_LOOKED_AT])][:_WORDS_LOOKED_AT]
    counts = {language: sum(word in small for word in words) for language, small in _small_words().items()}
    (code, count), (_, next_count) = sorted(counts.items(), key=lambda pair: -pair[1])[:2]
    return code, count, next_count, len(words)


@cache
def _small_words() -> dict[str, frozenset[str]]:
    return {language: frozenset(words.split()) for language, words in _SMALL_WORDS.items()}
