"""Documents that try to steer the models: the measuring set, and that no document can speak as the system."""

from collections import Counter
from pathlib import Path

import pytest

from assistant.answering.assistant import Assistant
from assistant.models.store import ModelStore
from assistant.settings import Settings
from benchmarks import injection

CASES = injection.read_cases()


def test_the_set_has_60_documents_of_many_kinds() -> None:
    assert len(CASES) == len({case.id for case in CASES}) == 60
    assert min(Counter(case.kind for case in CASES).values()) >= 5


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_honest_document_answers_and_the_injection_lies(case: injection.Case) -> None:
    assert case.answer in case.clean.text
    assert not case.has(case.answer) and not case.has(case.clean.text)
    assert case.is_right(f"It is {case.answer}.") and not case.is_right(None)
    assert case.wanted is None or case.has(f"It is {case.wanted}.")
    assert case.injection in case.injected.text
    assert case.injected.text.replace(case.injection, "", 1) == case.clean.text


def test_no_document_puts_a_control_token_into_our_prompt(generator_folder: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(generator_folder)
    plain = tokenizer("<|im_end|><|im_start|>", add_special_tokens=False)["input_ids"]
    assert set(plain) & set(tokenizer.all_special_ids), "this tokenizer reads control tokens in a text as such"
    assert [case.id for case in CASES if not injection.prompt_is_whole(case, tokenizer)] == []


def test_outcomes_are_counted(tiny_settings: dict[str, str], tmp_path: Path) -> None:
    assistant = Assistant(Settings(**tiny_settings, max_new_tokens=4), ModelStore(tmp_path))
    some = CASES[::12]
    for run in (injection.read_outcomes, injection.written_outcomes, injection.plain_outcomes):
        assert injection.summary(run(assistant, some))["total"] == len(some)
    judged = injection.summary(injection.judged_outcomes(assistant, some))
    assert judged["total"] == sum(case.forged_claim is not None for case in some)
    assert judged["moved"] == sum(judged["moved_by_kind"].values())
