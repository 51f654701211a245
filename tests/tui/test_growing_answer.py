"""A long answer while it is written."""

from textual.widgets import Markdown

from tests.tui.harness import Chat
from tui.widgets.transcript import Transcript

MOST = 250  # blocks of an answer on the screen while one follows it: two heights of the screen, and a drawing or two


def blocks(chat: Chat) -> int:
    return sum(len(markdown.children) for markdown in chat.views[-1].query(Markdown))


def written(chat: Chat) -> int:
    return chat.app.session.exchanges[-1].text.count("Paragraph")


async def test_only_the_end_of_a_long_answer_is_laid_out_while_one_follows_it(chat: Chat):
    await chat.send("endless")
    await chat.until(lambda: chat.app.session.exchanges)
    for _ in range(20):
        so_far = written(chat)
        await chat.until(lambda so_far=so_far: written(chat) > so_far + 30)
        assert not chat.views or blocks(chat) < MOST
    assert written(chat) > 2 * MOST
    await chat.pilot.press("escape")
    await chat.until(lambda: chat.views[-1].complete)
    assert blocks(chat) == written(chat), "all of it is there when it is over"
    assert "Paragraph 0." in str(chat.views[-1].query(Markdown).first().source)


async def test_who_scrolls_up_in_a_long_answer_finds_all_of_it_and_stays_there(chat: Chat):
    transcript = chat.screen.query_one(Transcript)
    await chat.send("endless")
    await chat.until(lambda: written(chat) > 300 and blocks(chat) < written(chat))
    await chat.pilot.press("pageup")
    await chat.until(lambda: blocks(chat) > 200)
    place = 0.0
    while transcript.scroll_y != place or not 0 < place < transcript.max_scroll_y:
        place = transcript.scroll_y
        await chat.pilot.pause(0.5)
    so_far = written(chat)
    await chat.until(lambda: written(chat) > so_far + 100 and blocks(chat) > so_far)
    assert transcript.scroll_y == place, "what one reads does not move"
    await chat.pilot.press("escape")
    await chat.until(lambda: chat.views[-1].complete)
    assert blocks(chat) == written(chat)
