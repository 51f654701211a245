import pytest

from assistant.generation.detokenizer import Detokenizer, StopText

TEXTS = [
    "plain words, and a second sentence.\n\n    indented\n",
    "café été naïve — “quotes”",
    "🎉🏳️‍🌈👩‍👩‍👧 日本語 العربية",
    "mixed 🎉 text é with\r\nline ends\tand tabs",
]


def pieces_of(detokenizer: Detokenizer, ids: list[int]) -> list[str]:
    return [*(detokenizer.add(token) for token in ids), detokenizer.finish()]


@pytest.mark.parametrize("text", TEXTS)
def test_the_pieces_together_are_the_text(chat_tokenizer, text):
    ids = chat_tokenizer(text, add_special_tokens=False)["input_ids"]
    assert "".join(pieces_of(Detokenizer(chat_tokenizer), ids)) == text


@pytest.mark.parametrize("text", TEXTS)
def test_no_piece_holds_part_of_a_character(chat_tokenizer, text):
    ids = chat_tokenizer(text, add_special_tokens=False)["input_ids"]
    pieces = pieces_of(Detokenizer(chat_tokenizer), ids)
    assert all("�" not in piece for piece in pieces)
    assert len([piece for piece in pieces if piece]) > 1


def test_a_character_that_never_ends_is_left_out(chat_tokenizer):
    ids = chat_tokenizer("ok 🎉", add_special_tokens=False)["input_ids"]
    assert "".join(pieces_of(Detokenizer(chat_tokenizer), ids[:-1])) == "ok "


def test_bytes_that_are_no_text_do_not_hold_back_what_follows_for_long(chat_tokenizer):
    broken = chat_tokenizer("🎉", add_special_tokens=False)["input_ids"][:1] * 20
    ids = broken + chat_tokenizer(" and then words", add_special_tokens=False)["input_ids"]
    assert "".join(pieces_of(Detokenizer(chat_tokenizer), ids)).endswith(" and then words")


def test_each_token_is_decoded_a_bounded_number_of_times(chat_tokenizer, monkeypatch):
    ids = chat_tokenizer(TEXTS[0] * 50, add_special_tokens=False)["input_ids"]
    detokenizer, decoded = Detokenizer(chat_tokenizer), []
    decode = detokenizer._decode
    monkeypatch.setattr(detokenizer, "_decode", lambda ids: decoded.append(len(ids)) or decode(ids))
    pieces_of(detokenizer, ids)
    assert sum(decoded) < 5 * len(ids)


@pytest.mark.parametrize("size", [1, 2, 3, 50])
def test_text_ends_where_the_stop_text_begins(size):
    stop = StopText("\n### ")
    text = "first\n## not yet\n### Question: more"
    shown = ""
    for at in range(0, len(text), size):
        shown += stop.add(text[at : at + size])
        if stop.found:
            break
    assert stop.found
    assert shown == "first\n## not yet"


def test_held_back_text_is_given_at_the_end_when_it_was_not_the_stop_text():
    stop = StopText("\n### ")
    assert stop.add("answer\n##") + stop.finish() == "answer\n##"
    assert not stop.found


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_text_ends_at_the_first_of_several_stop_texts_and_keeps_its_first_spaces(size):
    text = "  one, two; three."
    for stops, shown in ((("; ", "two"), "  one, "), (("two;", "two"), "  one, "), (("never",), text)):
        stop, out = StopText(None, stops), ""
        for at in range(0, len(text), size):
            out += stop.add(text[at : at + size])
            if stop.found:
                break
        assert out + ("" if stop.found else stop.finish()) == shown
        assert stop.found == (shown != text)
