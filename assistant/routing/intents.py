"""What a question asks for, told by its words: English and French, rules alone."""

import re
from difflib import get_close_matches

from assistant.routing.patterns import opening, phrase, words

_LONGEST_COURTESY = 12  # words
_LONGEST_SENTENCE = 300  # characters
_COURTESIES = frozenset(
    "hi hello hey yo greetings thanks thank thx cheers bye goodbye ok okay welcome great perfect cool nice awesome "
    "morning afternoon evening night yes no sorry please "
    "bonjour bonsoir salut coucou merci super parfait génial nickel revoir bientôt journée soirée oui non "
    "pardon".split()
)
# What may stand around a courtesy without being a question of its own.
_AROUND_COURTESIES = frozenset(
    "a again all and are around bit day do doing everyone for going good have how i is it later lot much my friend "
    "needed now see so that that's the there this today tomorrow very was well you your help helps helped helpful "
    "à au beaucoup bien bonne c'est ça ce comment de d'accord demain et je l'aide les plus pour suis ta tard tout tous "
    "toi très tu va vas votre vous allez un une ton aide".split()
)
_HOW_ARE_YOU = opening("how are you", "how's it going", "what's up", "comment [çc]a va", "[çc]a va")

_ASSISTANT = phrase(
    r"(?:who|what) (?:are|made|created|built|trained) you",
    r"what (?:can|do|could) you (?:do|know)",
    r"(?:what's|what is|tell me) your (?:name|model|version)",
    r"can you (?:speak|talk|understand|code|program|hear|help me)(?=[^,.;]{0,20}$)",
    r"how (?:do|can) you (?:work|help)",
    r"what (?:language )?models? (?:are|do) you",
    r"(?:qui|quoi|comment) (?:es[- ]tu|êtes[- ]vous|tu es|vous êtes)",
    r"es-tu|ton nom|votre nom|t'appelles|vous appelez|tu parles|parles-tu|parlez-vous",
    r"(?:tu|vous) (?:peux|pouvez|sais|savez) faire|(?:peux|sais)-tu faire|(?:pouvez|savez)-vous faire",
)
_ARE_YOU = opening(r"are you (?:an?|real|human|there|open|able)")
_PASTIME = opening(
    r"(?:tell|write|give|make|compose|sing)\b.{0,20}\b(?:joke|haiku|poem|limerick|riddle|song|bedtime story)s?",
    r"(?:raconte|dis|fais|écris|compose)\b.{0,20}\b(?:blague|haïku|poème|devinette|chanson|histoire drôle)s?",
)
_SUM = re.compile(
    r"\W*(?:(?:what(?:'s| is| are)|calculate|compute|how much is|combien font|calcule[rz]?)\s+)?"
    r"[\d(][\d\s().,]*(?:[-+*/x×÷^%]|fois|times|plus|minus|moins)[\d\s().,+*/x×÷^%-]*\d\W*",
    re.IGNORECASE,
)
_KINDS_OF_DOCUMENT = (
    r"\b(?:this|that|the|my|our|ce|cet|cette|le|la|les|du|au|mon|notre)\W{1,2}"
    r"(?:document|text|article|passage|page|paper|contract|report|paragraph|author|agreement"
    r"|texte|rapport|contrat|auteur|paragraphe|bail)s?\b(?! (?:file|field|box|area|editor|node))"
    r"|\bl['’](?:article|auteur|étude)\b"
)
_NAMES_DOCUMENT = re.compile(_KINDS_OF_DOCUMENT, re.IGNORECASE)
_POINTS_AT_DOCUMENT = re.compile(rf"\b(?:this|these|it|its|ce|cet|cette|ceci|ça)\b|{_KINDS_OF_DOCUMENT}", re.IGNORECASE)

_OF_THE_WHOLE = re.compile(
    r"\W*(?:please )?(?:summari[sz]e|sum up|explain|describe|outline|résume[rz]?|explique[rz]?|décri[sv]\w*"
    r"|(?:(?:write|make|give me|fais|donne-moi)\W+)?(?:an?|une?|le)?\W*(?:(?:short|brief) )?"
    r"(?:summary|overview|outline|résumé)(?: of| de)?)"
    rf"\W*(?:it|this|that|ça|ceci|cela|{_KINDS_OF_DOCUMENT})?(?:\W*(?:please|s'il (?:te|vous) plaît))?\W*",
    re.IGNORECASE,
)

# What is gathered from the whole of a text, whatever else is said of it.
_ALL_OF_IT = re.compile(
    rf"\b(?:summ?ari[sz]e|sum up|recap|outline|summary|overview|résum\w+|synthèse)\b.{{0,30}}{_KINDS_OF_DOCUMENT}"
    rf"|{_KINDS_OF_DOCUMENT}.{{0,30}}\b(?:summary|overview|outline|résumé|about)\b"
    rf"|\b(?:main|key|central|principa(?:l|ux|les)) (?:points?|ideas?|themes?|topics?|thèmes?|idées?|sujets?)\b"
    rf"(?=\W*$|.{{0,20}}{_KINDS_OF_DOCUMENT})"
    rf"|\bwhat (?:is|are) (?:it|the (?:parts|sections|chapters|themes|topics))\b.{{0,30}}{_KINDS_OF_DOCUMENT}"
    rf"|\b(?:timeline|chronolog(?:y|ie)|table of contents)\b"
    rf"|\bwhat(?:['’]s| is) (?:it|this) (?:all )?about\b|\bde quoi (?:parle|traite|s['’]agit)"
    r"|^\W*(?:please )?(?:summ?ari[sz]e|sum up|résum\w+)\W*(?:it|this|everything|tout)?\W+in\b",
    re.IGNORECASE,
)

_POLITE = opening(
    r"(?:can|could|would|will) (?:you|u)(?: please)?",
    r"do you know|please|i(?:'d| would) like(?: you)? to(?: know)?|i want(?: you)? to",
    r"(?:peux|pourrais|veux|sais)[- ]tu|(?:pouvez|pourriez|voulez|savez)[- ]vous|tu (?:peux|pourrais)",
    r"s'il (?:te|vous) plaît|est-ce que tu (?:peux|pourrais|sais)|je (?:veux|voudrais|aimerais)",
)
_TELL_ME = re.compile(
    r"[\s,]*(?:(?:(?:tell|show|give|let) (?:me|us)(?: know)?|know"
    r"|me (?:dire|donner|montrer|faire)|faire|savoir)\b)?[\s,]*",
    re.IGNORECASE,
)

# Questions that a stretch of text answers, whatever else they say; a preposition may come first.
_FACT = opening(
    r"(?:\w+ )?(?:who|whom|whose|when|where|which|qui|quand|où|combien|lequel|laquelle)",
    r"(?:\w+ )?how (?:many|much|long|old|tall|far|big|large|often|high|deep|fast|late)",
)
_QUESTION_WORD = phrase(
    words("who whom whose what when where which why how qui que quoi quand où combien comment pourquoi koi"),
    r"quelle?s?|lequel|laquelle|qu(?=['’])",
)
# Requests, where they stand before any question word: "Explain why ...", but not "Which theory explains ...".
_REQUEST = phrase(
    r"explain|summ?ar(?:y|i[sz]e|ies)|sum up|recap|describe|outline|overview|paraphrase|rephrase|reword|rewrite",
    r"translate|compare|contrast|discuss|simplify|elaborate|interpret|analy[sz]e|critique|critici[sz]e|evaluate",
    r"timeline|takeaways|bullet (?:points?|list)|action items|headline",
    r"expliqu(?:e|es|ez|er)|résum(?:e|es|ez|er|é)|resum(?:e|ez|er)[ -](?:moi|le|la|les|ce|cet|cette)|décri(?:s|re|vez)",
    r"reformul(?:e|es|ez|er)|tradui(?:s|re|sez)|compar(?:e|es|ez|er|aison)|analyse[rz]?|critique[rz]?",
    r"synthèse|synthétis(?:e|ez|er)|chronologie|fiche|récapitul\w+|simplifi(?:e|ez|er)|paraphras\w+",
)
_REQUESTS_MISTYPED = "explain summarize summarise summary describe translate paraphrase compare explique".split()
_IN_OWN_WORDS = phrase(
    r"tl;?dr|gist|in plain english|pros and cons|like i['’]?m (?:five|5)|step by step|walk me through",
    r"in (?:your own|other|simple|plain|a few|one) (?:words?|terms|sentences?)",
    r"(?:what|how) do(?:es)? .{1,40} (?:mean|think|feel|say about)|what(?:['’]s| is) meant by",
    r"what(?:['’]s| is| was) the (?:intuition|rationale|significance|difference|relationship|point|argument|meaning)",
    r"what(?:['’]s| is) (?:this|it|(?:this|the|that) (?:text|document|article|page|paper|report|file|contract)) about",
    r"(?:key|main|most important|essential|principal) (?:points|ideas|arguments|themes|findings|decisions|risks"
    r"|messages|facts|takeaways|conclusions|results|topics|issues)",
    r"how (?:do|does|did) .{1,60} (?:work|affect|influence|relate|differ|compare|handle|function|interact|impact)",
    r"how (?:is|are|was|were) .{1,40} (?:doing|related|different)",
    r"(?:points|idées|éléments|faits|arguments) (?:clés?|essentiels|principa(?:ux|les)|importants|à retenir)",
    r"l['’]essentiel|à retenir|(?:avec|dans) (?:tes|vos) (?:propres )?mots",
    r"en (?:quelques|peu de|une?|deux|trois) (?:mots|phrases?)",
    r"de quoi (?:parle|traite|s['’]agit|il est question)|comment (?:fonctionne|marche|ça (?:marche|fonctionne))",
    r"(?:que|quoi) (?:signifie|veut dire)|qu['’]est-ce que .{1,40} (?:signifie|veut dire)",
    r"quelle est (?:la différence|la relation|l['’]importance)",
)
# How an answer is to be written, wherever a question says so.
_FORM = phrase(
    r"in (?:more |great(?:er)? |full )?detail|in depth|at length|explain (?:it|why|how|in|your)",
    r"with (?:examples|reasons)",
    r"in (?:\w+|\d+) (?:sentences|bullet points|bullets|paragraphs|points)",
    r"in (?:a|one) (?:sentence|paragraph|table|list)",
    r"(?:answer|reply|respond|write|say it) in \w+|in (?:english|french|german|spanish|italian)(?=\W*$)",
    r"en détail|réponds? en \w+|répondez en \w+",
    r"en (?:anglais|français)(?=\W*$)|en (?:\w+|\d+) (?:phrases|points|paragraphes)",
)
# Questions whose answer is a reason, a way or an account rather than a stretch of text.
_REASON = opening(
    r"(?:but |and |so )?why\b(?! *\?*$)|for what reasons?|what (?:is|was) the (?:reason|cause|purpose|effect|impact)s?",
    r"what (?:caused|causes|led to|happens|happened|makes|made)\b",
    r"how (?:come|did|do|does|is|are|was|were|can|could|should|would|has|have|had|to)\b"
    r"(?! (?:\w+ ){0,4}(?:called|named|spelled|spelt|pronounced))",
    r"pourquoi\b(?! *\?*$)|(?:mais |et )?comment (?!s['’]appell|se nomm|s['’]écri|est-ce qu(?:e|['’]) ?(?:on )?appell)",
)
_COUNTED = (
    r"two|three|four|five|six|seven|eight|nine|ten|some|several|a few|all|\d+|deux|trois|quatre|cinq|dix|quelques"
)
_ABOUT = opening(
    r"(?:tell|teach) (?:me|us) (?:more |something )?about|about",
    r"what (?:do|does|did|can) .{1,40} (?:say|know|tell).{0,12} about",
    r"parle[rz]?[ -](?:moi |nous )?(?:de|du|des)\b|que (?:dit|sait)[ -].{0,40}(?:sur|de|du|des)\b|dis-m['’]en plus",
)
_LIST = phrase(
    r"(?:list|enumerate|énumère[rz]?|liste[rz]?)(?= (?:the|all|every|some|any|les|tous|toutes|\w+))",
    rf"(?:give|name|mention|show|find|cite[rz]?|donne[rz]?|nomme[rz]?)(?:[ -](?:me|us|moi|nous))? (?:{_COUNTED})\b",
    r"what (?:are|were) (?:the |its |their |some |all )*(?:(?:main|different|various|major|key|possible|several) )+\w+",
    r"what (?:are|were) (?:the |its |their |some |all )*(?:\w+ )?(?:reasons|causes|effects|consequences"
    r"|benefits|steps|stages|phases|differences|types|kinds|ways|parts|sections|chapters|requirements|conditions|advantages|features|uses|functions)",
    r"quel(?:le)?s (?:sont|étaient) (?:les |ses |leurs )?(?:\w+ )?(?:raisons|causes|effets|conséquences"
    r"|étapes|différences|types|parties|sections|conditions|principa(?:ux|les) \w+|différent(?:e)?s \w+)",
)
# What has to be gathered from all over a document.
_GATHERED = phrase(
    r"what (?:are|were|is) .{1,40}(?:obligations|duties|responsibilities|rights|contributions|takeaways|implications"
    r"|conclusions|findings|decisions|advantages|drawbacks|limitations|risks|strengths|weaknesses|arguments)",
    r"quel(?:le)?s (?:sont|étaient|furent) .{1,40}(?:obligations|devoirs|responsabilités|droits|apports|conclusions"
    r"|décisions|enjeux|avantages|inconvénients|limites|risques|arguments|leçons)",
    r"(?:list|name|give me|find|enumerate|liste[rz]?|énumère[rz]?|donne[rz]?|cite[rz]?)\b.{0,20}"
    r"\b(?:everything|all|every|each|tout|toutes|tous|chaque)",
)
_COMPOSE = opening(
    r"write|draft|compose|create|make|turn|convert|produce|prepare|generate|assess|argue|suggest|propose|imagine|shorten",
    r"expand|extend|rédige[rz]?|écri[st]|écrivez|compose[rz]?|transforme[rz]?|prépare[rz]?|propose[rz]?|imagine[rz]?",
    r"raccourci[st]|fais|faites|crée[rz]?|génère[rz]?",
)
_SUBJECTS = (
    "the my i we he she it they there this that "
    "le la les un une mon ma mes je tu il elle on nous vous ils elles ce cet cette ces"
)
_INVERSION = r"-(?:t-)?(?:je|tu|il|elle|on|nous|vous|ils|elles)\b"
_YES_OR_NO = opening(
    r"(?:is|are|was|were|am|do|does|did|can|could|should|must|has|have|had)\b(?!\s*[?,])",
    r"(?:is|are|do|does|did|ca|wo)n't",
    # These are also a month, a name and a noun.
    r"(?:will|would|may|might|shall) (?:i|we|you|he|she|it|they|there|the|this|that|an?|my|any)",
    rf"est-ce qu(?:e|(?=['’]))|(?:y )?[\w'’]+{_INVERSION}",
)
# "La sous-location est autorisée ?" and "La tour devait-elle être démontée ?": a statement with a question mark.
_STATEMENT = re.compile(
    rf"\W*(?:(?:{words(_SUBJECTS)})\b|[lc]['’]).*"
    r"(?:\b(?:is|are|was|were|has|have|can|must|may|will|should|est|sont|était|étaient|a|ont|peut|peuvent|doit|doivent"
    rf"|sera|seront|faut|peux|dois)\b|\w{_INVERSION})\s*\S+.*\?",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"(?<=\w\w[.!?])\s+(?=\S)|\n")


def is_courtesy(text: str) -> bool:
    """Whether a message is nothing but a greeting, thanks or a word of assent."""
    if len(text) > _LONGEST_SENTENCE:
        return False
    said = re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)*", text.lower().replace("’", "'"))
    if not 0 < len(said) <= _LONGEST_COURTESY:
        return False
    known = all(word in _COURTESIES or word in _AROUND_COURTESIES for word in said)
    return known and (any(word in _COURTESIES for word in said) or _HOW_ARE_YOU.match(text) is not None)


def is_about_assistant(question: str) -> bool:
    """Whether a question is about the assistant itself: "what can you do?"."""
    return _ASSISTANT.search(question) is not None or _ARE_YOU.match(question) is not None


def needs_no_document(question: str) -> bool:
    """Whether a request is a sum or a pastime, such as a joke or a poem that is not about the document."""
    if len(question) <= _LONGEST_SENTENCE and _SUM.fullmatch(question):
        return True
    return _PASTIME.match(question) is not None and not _POINTS_AT_DOCUMENT.search(question)


def names_document(question: str) -> bool:
    """Whether a question names a document by its kind: "the contract", "this text"."""
    return _NAMES_DOCUMENT.search(question) is not None


def asks_of_one(question: str) -> bool:
    """Whether a request is for a document as a whole and does not say which: "summarise it", "explain this text"."""
    return len(question) <= _LONGEST_SENTENCE and _OF_THE_WHOLE.fullmatch(without_politeness(question)) is not None


def asks_of_the_whole(question: str) -> bool:
    """Whether a question can only be answered from all of a document: a summary, its themes, its parts, a timeline."""
    return asks_of_one(question) or (len(question) <= _LONGEST_SENTENCE and _ALL_OF_IT.search(question) is not None)


def without_politeness(question: str) -> str:
    """The request itself: "who signed it?" of "Could you tell me who signed it?"."""
    polite = _POLITE.match(question)
    if polite is None:
        return question
    begins = _TELL_ME.match(question, polite.end())
    rest = question[begins.end() if begins else polite.end() :]
    return rest if rest.strip(" ?!.\u00a0\u202f") else question


def asks_for_list(question: str) -> bool:
    """Whether a question asks for several things, each of them an item of the answer."""
    return _GATHERED.search(question) is not None or _LIST.match(question.lstrip()) is not None


def asks_to_write(question: str) -> bool:  # noqa: PLR0911  (one way out for each sign)
    """Whether a question asks for words that are not the document's: a reason, a summary, a list, a translation."""
    if _GATHERED.search(question) or _FORM.search(question) or asks_for_list(question):
        return True
    if any(_starts_with_request(sentence) for sentence in _SENTENCE_END.split(question.strip())[1:]):
        return True
    if _FACT.match(question):
        return False
    if _REASON.match(question) or _ABOUT.match(question):
        return True
    if _IN_OWN_WORDS.search(question) or _COMPOSE.match(question):
        return True
    request, word = _REQUEST.search(question), _QUESTION_WORD.search(question)
    if request is not None and (word is None or request.start() < word.start()):
        return True
    begins = [word for word in re.findall(r"[^\W\d_]{6,20}", question[:60].lower())[:2] if not word.endswith("ed")]
    return any(get_close_matches(word, _REQUESTS_MISTYPED, n=1, cutoff=0.85) for word in begins)


def _starts_with_request(sentence: str) -> bool:
    request = _REQUEST.search(without_politeness(sentence))
    return request is not None and not without_politeness(sentence)[: request.start()].strip()


def asks_yes_or_no(question: str) -> bool:
    """Whether the last sentence asks for a yes or a no; the one or the other of two things could be quoted."""
    asked = _SENTENCE_END.split(question.strip())[-1]
    if len(asked) > _LONGEST_SENTENCE or re.search(r"\b(?:or|ou)\b", asked, re.IGNORECASE):
        return False
    if _YES_OR_NO.match(asked):
        return True
    return _STATEMENT.match(asked) is not None and not _QUESTION_WORD.search(asked)
