"""Questions on passages with an answer in a sentence, made from extractive questions and answers.

A code assistant that is trained on code alone forgets to stay with the passages it is given. SQuAD's answers are spans;
here a question and its span become a statement by rule ("Which team won the cup?" and "Denver" become "Denver won the
cup."), where the question is of a form that allows it without inflecting a verb (after Demszky et al., 2018, who turn
questions into statements for NLI). The sentence that holds the span may follow as the reason.
"""

import random
import re
from collections.abc import Iterator, Sequence

from assistant.generation.prompts import grounded_messages
from assistant.types import Evidence, Message
from finetune.data.code import CodeExample
from finetune.data.injected import with_instruction
from finetune.data.squad import QAExample

NOT_THERE = "The passages do not hold the answer."
_WITHOUT_ANSWER = 0.08
_WITH_REASON = 0.4
_PLAIN_QUESTION = 0.5
_WITH_INSTRUCTION = 0.3
_MAX_WORDS = 30
_MAX_CHARACTERS = 1500  # of all passages: attention over longer ones takes more memory than small machines have
_BE = r"(?P<be>is|was|are|were)"
_IS_OF = re.compile(rf"^(?:what|who) {_BE} (?P<subject>(?:the|a|an|his|her|its|their) [^,]+)\?$", re.IGNORECASE)
_PAST = (
    r"(?:[a-z]+ed|became|made|won|led|gave|took|wrote|built|held|said|ran|began|brought|came|lost|met|saw|sent|set|"
    r"taught|thought|told|went|found|known|given|written|taken|seen|born|chosen|drawn|grown|shown|spoken|kept|put)"
)
# Who or what did something: the answer takes the place of the question's first words. After "which king" a form of
# "be" is followed by a participle, or else the question may be turned round ("Which king was Henry the son of?").
_SUBJECT = re.compile(
    rf"^(?:who (?:(?:is|was|were|are|has|had|have|can|could|would|will|may) )?(?:{_PAST}|the|one|another)"
    rf"|what (?:(?:has|had|is|was) )?(?:{_PAST})|what (?:is|was|are|were) (?:the|another|one)"
    rf"|(?:what|which)(?: [\w-]+){{1,4}}? (?:(?:is|was|are|were|has|had|have) )?{_PAST}"
    r") (?P<after>[^?]+)\?$",
    re.IGNORECASE,
)
_INVERTED = re.compile(r"\b(?:do|does|did|can|could|would|will|may|might|must|should|if|of the following)\b", re.I)
_VERB_FIRST = re.compile(rf"\b(?:is|was|are|were|has|had|have|can|could|would|will|may|{_PAST})\b", re.IGNORECASE)
# "Who is X married to?" asks for the end of the statement, not for its subject.
_ENDS_OPEN = re.compile(r"\b(?:in|on|at|to|for|of|with|by|from|as|about|into|called|named|known|like|what|be|than)$")


def statement(question: str, answer: str) -> str | None:
    """Question and answer as one statement, or None where the question is not of a form that allows it."""
    question, answer = " ".join(question.split()), " ".join(answer.split()).strip(" .,;:")
    if not answer or len(answer.split()) > _MAX_WORDS // 2:
        return None
    asked = _IS_OF.match(question)
    if asked and not _ENDS_OPEN.search(asked["subject"]) and not re.search(r"\b(?:that|who|which)\b", question[5:]):
        subject = asked["subject"]
        if len(subject.split()) > 2 and re.search(r"\bof\b|\bname\b", subject):
            return f"{_capital(subject)} {asked['be'].lower()} {answer}."
    asked = _SUBJECT.match(question)
    verb = _VERB_FIRST.search(question)
    if asked and verb and not _ENDS_OPEN.search(asked["after"]) and re.match(r"[\w$£€]", answer):
        words = question[: verb.start()].split()
        bare = len(words) == 1
        if bare or not _INVERTED.search(" ".join(words[1:])):
            return f"{_capital(answer)} {question[verb.start() : -1]}."
    return None


def with_passages(example: CodeExample) -> list[Message]:
    """The messages that put an example's question on its passages, as the chat puts it."""
    return grounded_messages(example.instruction, [Evidence("", 0, len(text), text) for text in example.passages])


def grounded_examples(questions: Sequence[QAExample], count: int, seed: int) -> list[CodeExample]:
    """Questions on one to three passages of an article, with their answers; the same seed gives the same.

    Of each question's paragraph and up to two others of its article the passages are made, in any order. Some questions
    are put to other paragraphs alone and answered by `NOT_THERE`. Some passages hold an instruction to answer something
    else, which the answer ignores (`finetune.data.injected`).

    Args:
        questions: answerable ones, drawn from at random.
        count: how many to make; fewer come where no more can be made.
        seed: of the drawing.
    """
    draw, tamper = random.Random(f"{seed} grounded"), random.Random(f"{seed} injected")
    by_title: dict[str, list[str]] = {}
    for question in questions:
        contexts = by_title.setdefault(question.title, [])
        if not contexts or contexts[-1] != question.context:
            contexts.append(question.context)
    order = list(questions)
    draw.shuffle(order)
    made: list[CodeExample] = []
    for question, told in _stated(order):
        if len(made) == count:
            break
        others = [context for context in by_title[question.title] if context != question.context]
        passages: list[str] = []
        room = _MAX_CHARACTERS - len(question.context)
        for other in draw.sample(others, min(draw.choice((0, 0, 1, 2)), len(others))):
            if len(other) <= room:
                passages.append(other)
                room -= len(other)
        sentence = _sentence_of(question)
        answer = told
        if others and draw.random() < _WITHOUT_ANSWER:
            passages = [context for context in passages or others[:1] if question.answers[0] not in context]
            answer = NOT_THERE
        else:
            place = draw.randint(0, len(passages))
            passages.insert(place, question.context)
            answer = f"{told.removesuffix('.')} [{place + 1}]."
            if sentence and draw.random() < _WITH_REASON:
                answer += f" {sentence}"
        if passages and sum(map(len, passages)) <= _MAX_CHARACTERS:
            plain = draw.random() < _PLAIN_QUESTION
            asked = question.question.strip() if plain else f"Explain: {question.question.strip()}"
            wrong = tamper.choice(order).answers
            if tamper.random() < _WITH_INSTRUCTION and wrong and wrong[0] not in f"{told} {answer}":
                place = tamper.randrange(len(passages))
                passages[place] = with_instruction(passages[place], wrong[0], tamper)
            made.append(CodeExample(asked, answer, "grounded", passages=tuple(passages)))
    return made


def _stated(questions: Sequence[QAExample]) -> Iterator[tuple[QAExample, str]]:
    for question in questions:
        if question.start is not None:
            told = statement(question.question, question.answers[0])
            if told is not None and len(told.split()) <= _MAX_WORDS:
                yield question, told


def _sentence_of(question: QAExample) -> str | None:
    """The sentence that holds the answer, where it is short and stands by itself."""
    from assistant.documents.sentences import split_sentences

    for sentence in split_sentences(question.context):
        if sentence.start <= (question.start or 0) < sentence.end:
            text = question.context[sentence.start : sentence.end].strip()
            own = re.match(r"(?:He|She|It|They|This|These|His|Her|Its|Their|However|But|And)\b", text) is None
            return text if own and len(text.split()) <= _MAX_WORDS else None
    return None


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
