"""French, as follow-ups need it."""

import re

from assistant.routing.languages.language import WORD, Language, Pronoun
from assistant.routing.patterns import words

_PREPOSITIONS = "dans en à de d' par pour avec sans sur sous depuis pendant jusqu'à chez vers contre entre avant après"
_IN = words(_PREPOSITIONS)
_QUEL = r"quelle?s?|lequel|laquelle|lesquel(?:le)?s"
_COMBIEN = rf"combien(?: d(?:e |['’]){WORD})?"
_BEING = "est sont était étaient fut"
_ETRE = words(_BEING)
_QUESTION = rf"(?:(?:{_IN}) ?)?(?:{_COMBIEN}|qui|que|quand|où|comment|pourquoi|(?:{_QUEL})(?: {WORD})?)"

FRENCH = Language(
    typical=frozenset(
        "le la les l' un une des du de d' et est sont qui que qu' quoi quel quelle quels quelles quand où combien "
        "comment pourquoi par pour dans ce cette c' il elle ils elles je tu nous vous au aux avec sur à en plus moins "
        "peux faut résume explique".split()
    ),
    determiners=frozenset(
        "le la les l' un une des du mon ma mes notre nos votre vos son sa ses leur leurs ce cet cette ces au "
        "aux".split()
    ),
    enders=frozenset(
        f"{_PREPOSITIONS} {_BEING} a ont avait été et ou si qui que qu' on il elle ils elles n' ne s' se y lors".split()
    ),
    prepositions=_IN,
    auxiliaries="",
    being=_ETRE,
    articles="le|la|les|un|une",
    owned="{part} (de {owner})",
    question_end=" ?",
    question_words=(
        rf"(?:(?:{_IN}) ?)?(?:qui|quoi|quand|où|comment|pourquoi|{_COMBIEN})",
        rf"(?:(?:{_IN}) ?)?(?:{_QUEL})(?: (?!(?:{_ETRE}|a|ont)\b)[\w’']+){{0,2}}",
        r"pourquoi (?:(?:pas|si|seulement|autant|donc)(?: [\w’']+){0,3}|une? [\w’']+ seulement)",
    ),
    beginnings=rf"qui|que|quoi|quand|où|combien|comment|pourquoi|{_QUEL}|qu(?=['’])",
    apart=re.compile(
        rf"(?:(?:{_IN}) ?)?(?:{_COMBIEN}|quand|où|comment|pourquoi|(?:{_QUEL})(?: (?!(?:{_ETRE})\b){WORD})?"
        r"|(?<=par )qui|(?<=pour )qui|(?<=avec )qui|qui(?= .*-(?:t-)?(?:il|elle))) (?P<rest>.+)",
        re.IGNORECASE,
    ),
    asks_for_subject="qui",
    requested=r"(?:explique|décris|dis)(?:-(?:moi|nous))? (?:comment|pourquoi|quand|où)",
    pronouns=(
        Pronoun(
            re.compile(
                r"(?P<that>\bqu['’])?(?<![-\w])(?P<pronoun>ils?|elles?)\b"
                r"(?! (?:y a|faut|s['’]agit|est (?:vrai|possible))\b)",
                re.IGNORECASE,
            ),
            "form",
            never_after=re.compile(r"\by a\w* $", re.IGNORECASE),
        ),
    ),
    inverted=re.compile(
        rf"(?P<word>{_QUESTION} )?"
        r"(?P<verb>(?!qu['’]|(?:faut|fait|pleut|existe|reste|s['’]agit|s['’]est|se passe)-)"
        r"(?:(?:ne|se|le|la|les|lui|leur|me|te|en) )*[\w’']+-(?:t-)?(?P<pronoun>ils?|elles?)\b.*)",
        re.IGNORECASE,
    ),
    all_of_it=Pronoun(
        re.compile(
            rf"\A(?:{_QUESTION} (?:est |sont |était |étaient )?(?:son|sa|ses|leurs?) {WORD}.*"
            r"|(?:qui|quand|où|comment|pourquoi) l['’](?:a|ai|as|ont|avait|avaient|aurait)\b.*"
            r"|.*\b(?:ça|cela|celui-ci|celle-ci)\b.*)\Z",
            re.IGNORECASE,
        ),
        "thing",
    ),
    small_words=(
        rf"{_QUEL}|le|la|les|un|une|des|du|au|aux|qui|que|quand|où|comment|combien|pourquoi|est|sont|ont|était|se|ne|y"
        "|il|et"
    ),
)
