"""What the `[data]` section of a recipe says, one strict form for each task."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(ge=0, lt=1)]
PairColumn = Literal["premise", "hypothesis", "label"]
CodeColumn = Literal["question", "answer"]
PreferenceColumn = Literal["prompt", "chosen", "rejected"]
TextColumn = Literal["text", "label"]
QAColumn = Literal["id", "title", "context", "question", "answers"]


class Strict(BaseModel):
    """A part of a recipe: unknown keys are refused, and nothing is changed afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Declared(Strict):
    """Sizes of the data as its publisher or the published work gives them, for `plan` where the data is not at hand."""

    train: int | None = None
    """Rows to train on, after cleaning and before a part is held out to choose the checkpoint."""
    test: int | None = None
    windows: int | None = None
    """Windows that the training rows make."""
    test_windows: int | None = None
    tokens: int | None = None
    """Tokens of an average row or window."""


class Data(Strict):
    """What the three kinds of data share.

    A data set is a file (a relative one is also looked up in ASSISTANT_TEST_DATA) or
    `hub:OWNER/NAME[:CONFIGURATION][@REVISION][#SPLIT]`.
    """

    train: list[str]
    test: str | None = None
    """What the finished model is measured on."""
    choose_on: Literal["held_out", "test"] = "held_out"
    """What the best checkpoint is chosen on. The test set makes its own figures too good: the report says so."""
    limit: int | None = Field(default=None, gt=0)
    """Train and measure on this many rows only."""
    declared: Declared = Declared()


class Glossed(Strict):
    """Training questions told again word by word in another language (see `finetune.data.glossing`)."""

    files: dict[str, Annotated[float, Field(gt=0, le=1)]]
    """Share of a file's training questions, by the name that `train` gives it; other files are left as they are."""
    sentences: str
    """A table of pairs in the files' language."""
    translation: str
    """The same table in the other language, row for row: the two give the dictionary."""


class HardQuestions(Strict):
    """Unanswerable questions that are hard for a reader (see `finetune.tasks.qa.hard_questions`)."""

    share: float = Field(gt=0)
    """How many for each answerable one."""
    draws: int = Field(default=6, ge=1)
    """Of how many made from one question the hardest is kept."""
    reader: str
    """For whom they are hard: "embedded", a folder or a Hub name."""


class QAData(Data):
    """Extractive question answering data: SQuAD's JSON as published, or a table such as the Hub's."""

    columns: dict[QAColumn, str] = {}
    """Names of a table's columns, where they are not the keys themselves; `answers` may hold one text."""

    unanswerable: dict[Literal["moved", "removed", "altered"], Annotated[float, Field(ge=0)]] = {}
    """Unanswerable questions made per answerable one, by the way they are made (see `finetune.data.unanswerable`)."""
    hard: HardQuestions | None = None
    """More of them, chosen by how answerable a reader finds them."""
    tabular: int = Field(default=0, ge=0)
    """How many questions on made-up tables and lists to add (see `finetune.data.tabular`)."""
    glossed: Glossed | None = None
    """Which of the training questions, those made included, are told again in another language."""
    held_out: Share = 0.02
    """Share of each file's articles kept out of training, to choose the checkpoint and to calibrate on."""
    yardstick: dict[str, Annotated[float, Field(gt=0, lt=1)]] = {}
    """Share of a file's articles that training and calibration never see; `evaluate --last-articles` reads them."""


AnswerKind = Literal[
    "right", "wrong_span", "misread", "altered_answer", "altered_question", "removed", "moved", "statement",
    "wrong_statement",
]  # fmt: skip


class NLIData(Data):
    """Premise and hypothesis pairs."""

    form: Literal["mixed", "table"] = "mixed"
    """`mixed`: files of several kinds, and pairs made from questions; `table`: one labelled table, as it is."""
    columns: dict[PairColumn, str] = {}
    """Names of the columns, where they are not the usual ones."""
    qa: str | None = None
    """A SQuAD file from which question and answer pairs are made."""
    qa_pairs: dict[AnswerKind, int] = {}
    """How many pairs to make from it, by the way they are made (see `finetune.data.answer_pairs`)."""
    exchanged_sentences: int = Field(default=0, ge=0)
    """How many pairs to make of its paragraphs' own sentences, half of them with one thing exchanged."""
    generated: dict[str, Annotated[int, Field(ge=1)]] = {}
    """How many of its questions a generator answers, by its base (see `finetune.data.generated_answers`)."""
    generated_file: str | None = None
    """Where these answers are kept, so that several runs may share them; by default in the run's folder."""
    claims: list[str] = []
    """Files of sentences written about a source (see `finetune.data.source_claims`)."""
    claims_held_out: Share = 0.2
    """Share of their sources that is kept out of training."""
    qa_reader: str | None = None
    """The reader whose wrong spans the kind `misread` takes: "embedded", a folder or a Hub name."""
    limits: dict[str, int] = {}
    """At most this many pairs of a file, by the name that `train` gives it."""
    hypothesis_first: bool = False
    """Put the hypothesis before the premise, as a reader has the question before the text."""
    max_length: int = Field(default=256, gt=0)
    """Training pairs of more tokens are left out, never cut."""
    held_out: Share = 0.02
    """Share of the pairs, the same of each label, kept out of training to choose the checkpoint on."""


class CodeData(Data):
    """Programming questions with answers."""

    form: Literal["chat", "question-answer"] = "chat"
    """`chat`: shaped as answers of a chat and rendered with the base's template. `question-answer`: rows of a table,
    for a base without a template, as `### Question: ...` and `### Answer: ...`."""
    columns: dict[CodeColumn, str] = {}
    """Names of the columns of a table, where they are not `question` and `answer`."""
    chat_template: str | None = None
    """A template for a base that has none, or another than its own: `chatml`, `alpaca` or a file that ends in .jinja;
    it goes with what was trained, and the chat uses it."""
    max_characters: int = Field(default=1024, gt=0)
    """Longer texts are left out."""
    max_length: int = Field(default=2048, gt=0)
    """Tokens of a text; longer ones are left out."""
    loss_on: Literal["answer", "all"] = "answer"
    """Learn and measure the answer's tokens, or those of question and answer."""
    packing: bool = False
    """Put several short texts into one row of `max_length` tokens, without padding between them."""
    shown_answers: int = Field(default=10, ge=0)
    """Held-out questions that the report shows with the expected answer, the base's and the trained model's."""
    held_out: Share = 0.1
    """Share kept for evaluation: of a chat's questions by a hash of their text, of a table's rows at random."""
    at_most: dict[str, int] = {}
    """How many training questions to take of a file, for those that are not to give all of theirs."""
    times: dict[str, Annotated[int, Field(ge=1)]] = {}
    """How often an epoch has the training questions of a file, for those that are to have more than their share."""
    grounded: dict[str, Annotated[int, Field(ge=1)]] = {}
    """How many questions on passages to make of a file in SQuAD format (see `finetune.data.grounded`)."""
    self_answers: dict[str, Annotated[int, Field(ge=1)]] = {}
    """How many of the base's own right answers to a file's questions to train on."""
    self_answers_file: str | None = None
    """Where they are kept, so that several runs may share them; by default `own-answers.jsonl` in the run's folder."""

    @model_validator(mode="after")
    def _mixed_as_a_chat(self) -> Self:
        mixed = (self.at_most, self.times, self.grounded, self.self_answers)
        if self.form == "question-answer" and any(mixed):
            raise ValueError("data.at_most, data.times, data.grounded and data.self_answers are for data.form=chat")
        return self


class PreferenceData(Data):
    """Questions, each with an answer that was chosen and one that was rejected: texts, or lists of messages."""

    columns: dict[PreferenceColumn, str] = {}
    """Names of the columns, where they are not `prompt`, `chosen` and `rejected`."""
    chat_template: str | None = None
    """A template for a base that has none, or another than its own, as for a code assistant."""
    max_characters: int = Field(default=4096, gt=0)
    """Longer texts, question and both answers together, are left out."""
    max_length: int = Field(default=1024, gt=0)
    """Tokens of a question with one answer; longer ones are left out."""
    held_out: Share = 0.05
    """Share of the questions kept for evaluation, by a hash of their text."""


class ClassifierData(Data):
    """Texts, each with a label of one's own."""

    columns: dict[TextColumn, str] = {}
    """Names of the columns, where they are not `text` and `label`."""
    max_length: int = Field(default=256, gt=0)
    """Tokens that are read of a text; the rest is cut."""
    held_out: Share = 0.1
    """Share of the texts, the same of each label, kept out of training to choose the checkpoint on."""


class Seq2SeqData(Data):
    """Questions on texts whose answers are written: SQuAD's JSON as published, or a table."""

    columns: dict[QAColumn, str] = {}
    """Names of a table's columns, where they are not the keys themselves."""
    max_length: int = Field(default=512, gt=0)
    """Tokens that are read of a question with its text; the rest is cut."""
    max_answer: int = Field(default=32, gt=0)
    """Tokens of an answer."""
    held_out: Share = 0.02
    """Share of each file's articles kept out of training."""
