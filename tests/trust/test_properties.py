"""What holds for any text at all: routing, claims, settings, the history and its search."""

import json
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.batch.lines import BatchOptions, read_lines
from assistant.batch.rows import Row
from assistant.errors import AssistantError, DocumentError, SettingsError
from assistant.history.store import History, Status
from assistant.records import error_to_json, json_line
from assistant.routing.router import choose_route
from assistant.settings import Settings, load_settings
from assistant.settings_file import save_setting
from assistant.types import Document, Message, Role, Route, Turn
from assistant.verification.claims import span_claim, text_claims
from tests.trust.hostile import SMALL, active

TEXT = st.one_of(
    st.text(max_size=200),
    st.sampled_from(list(SMALL.values())),
    st.text(st.sampled_from("and it? .!\n\"'()[]*_`<>&|;:,-–—\u202e\u200b\x1bétAQ1 "), max_size=300),
)
FEW = settings(max_examples=60)


def _document(text: str) -> tuple[Document, ...]:
    try:
        return (Document("a.txt", text),)
    except DocumentError:
        return ()


@FEW
@given(TEXT, TEXT, st.lists(TEXT, max_size=4), st.sampled_from([None, *Route]))
def test_every_turn_gets_a_route_a_reason_and_a_question(
    question: str, document: str, said: list[str], forced: Route | None
) -> None:
    roles = [Role.USER, Role.ASSISTANT] * 2
    history = tuple(Message(role, text) for role, text in zip(roles, said, strict=False))
    choice = choose_route(Turn(question, _document(document), history, forced))
    assert choice.route in Route
    assert forced is None or choice.route is forced
    assert choice.reason
    assert choice.standalone_question.strip() or not question.strip()


@FEW
@given(TEXT)
def test_the_claims_of_an_answer_are_parts_of_it(answer: str) -> None:
    claims = text_claims(answer)
    letters = "".join(char for char in answer if char.isalnum())
    for claim in claims:
        assert claim.strip()
        assert sum(char.isalnum() for char in claim) <= 2 * len(letters) + 20


@FEW
@given(TEXT, TEXT)
def test_a_span_is_claimed_with_its_question_whatever_they_are(question: str, span: str) -> None:
    assert " ".join(span.split()) in " ".join(span_claim(question, span).split())


@FEW
@given(
    st.dictionaries(
        st.sampled_from(["id", "question", "document", "route", "answers", "topic"]),
        st.one_of(TEXT, st.none(), st.integers(), st.booleans(), st.floats(allow_nan=False, allow_infinity=False),
                  st.lists(TEXT, max_size=2), st.dictionaries(TEXT, TEXT, max_size=2)),
        max_size=6,
    )
)  # fmt: skip
def test_a_batch_line_is_a_turn_or_an_error_in_its_place(fields: dict[str, object]) -> None:
    (line,) = read_lines([Row(7, "digest", fields)], BatchOptions())
    assert line.number == 7 and line.id
    assert (line.turn is None) is (line.error is not None)
    error = error_to_json(line.error) if line.error is not None else {}
    assert not active(json_line({**line.carried, **error}))


@FEW
@given(
    st.sampled_from([*Settings.model_fields, "nonsense", "Profile", ""]), st.one_of(TEXT, st.integers(), st.booleans())
)
def test_a_setting_is_taken_or_refused_by_one_error(name: str, value: object) -> None:
    try:
        taken = load_settings({name: value})
    except SettingsError as error:
        assert str(error)
    else:
        assert getattr(taken, name) is not None


@FEW
@given(TEXT)
def test_a_setting_that_is_written_is_read_back(value: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "settings.toml"
        path.write_text('# mine\nseed = 1\n\n[keys]\n"chat.stop" = "f9"\n', "utf-8")
        try:
            save_setting(path, "reader", value)
        except SettingsError:
            assert "reader" not in path.read_text("utf-8")
            return
        import tomllib

        written = tomllib.loads(path.read_text("utf-8"))
        assert written == {"seed": 1, "reader": value, "keys": {"chat.stop": "f9"}}


@FEW
@given(st.lists(st.tuples(TEXT, TEXT, st.sampled_from(Status)), max_size=5), TEXT, TEXT)
def test_a_history_gives_back_what_it_was_given(said: list[tuple[str, str, Status]], title: str, words: str) -> None:
    with tempfile.TemporaryDirectory() as folder, History(Path(folder) / "h.db") as history:
        conversation = history.create(title)
        for question, answer, status in said:
            documents = _document(answer)
            history.add_user_message(conversation, question, documents)
            history.save_answer(conversation, answer, status=status)
        kept = history.conversation(conversation)
        assert [each.text for each in kept.messages] == [text for turn in said for text in turn[:2]]
        for each in history.search(words):
            assert each.conversation == conversation
        for form in ("markdown", "json", "html"):
            assert not active(history.export(conversation, form))
        assert json.loads(history.export(conversation, "json"))["title"] == kept.title
        try:
            history.resolve(words)
        except AssistantError as error:
            assert str(error)
        history.delete(conversation)
        assert history.list_conversations() == []
