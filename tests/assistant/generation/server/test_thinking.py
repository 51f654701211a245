"""Thinking split off text in pieces: the same however it is cut, and in a time that grows with its length alone."""

import random
import time

from hypothesis import given
from hypothesis import strategies as st

from assistant.generation.server.thinking import Part, ThinkingSplitter

_BITS = [
    "<think>",
    "</think>",
    "```",
    "~~~",
    "\n",
    "   ",
    "`",
    "a",
    " word ",
    "<th",
    "ink>",
    "[THINK]",
    "[/THINK]",
    "\r",
]
_BITS += ["<|channel|>analysis<|message|>", "<|channel|>final<|message|>"]


def split(pieces: list[str], *, inside: bool = False) -> tuple[str, str, bool]:
    """Text, thinking, and whether something was taken back."""
    splitter = ThinkingSplitter(inside=inside)
    parts: list[Part] = [part for piece in pieces for part in splitter.add(piece)]
    parts += splitter.finish()
    text = ""
    for part in parts:
        text = "" if part.kind == "taken back" else text + part.text * (part.kind == "text")
    thinking = "".join(part.text for part in parts if part.kind == "thinking")
    return text, thinking.lstrip(), any(part.kind == "taken back" for part in parts)


@given(st.lists(st.sampled_from(_BITS), max_size=14).map("".join), st.randoms(use_true_random=False), st.booleans())
def test_a_text_is_split_alike_however_it_comes_in_pieces(text: str, draw: random.Random, inside: bool) -> None:
    cuts = sorted(draw.sample(range(len(text) + 1), min(len(text) + 1, draw.randint(0, 6))))
    pieces = [text[left:right] for left, right in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert split(pieces, inside=inside) == split([text], inside=inside)


def test_a_tag_at_the_beginning_of_a_line_in_code_is_text_and_after_it_thinking() -> None:
    assert split(["```\n<think>\n", "``", "`\n<think>Hm.", "</think>Yes."])[:2] == ("```\n<think>\n```\nYes.", "Hm.")


def test_tags_in_a_fence_that_is_never_closed_cost_no_more_than_their_length() -> None:
    short, long = (_in_a_fence(tags) for tags in (1_500, 12_000))
    assert long < 24 * short  # of the square, sixty-four times


def _in_a_fence(tags: int) -> float:
    splitter = ThinkingSplitter()
    list(splitter.add("```\n"))
    began = time.process_time()
    said = sum(len(part.text) for _ in range(tags) for part in splitter.add("<think>\n"))
    assert said > 7 * tags
    return time.process_time() - began
