"""What the examples of an empty chat do."""

from importlib import resources

from assistant.types import Document, Route
from tui.screens.chat_view import ChatView
from tui.widgets.welcome import Welcome


async def try_example(chat: ChatView, name: str) -> None:
    """Try one: `code` asks for a program, `document` opens a sample and asks about it, `compare` asks that two ways."""
    if name == "help":
        await chat.app.run_action("help")
        return
    if name == "code":
        await chat.ask(Welcome.EXAMPLES["code"][1])
        return
    text = resources.files("tui").joinpath("sample.txt").read_text(encoding="utf-8")
    chat.session.add_document(Document("lighthouse.txt", text))
    await chat.desk.show_documents()
    if name == "compare":
        for route in (Route.EXTRACT, Route.GROUNDED):
            await chat.ask("How tall is the tower?", route)
        chat.say("/route chooses the way, /compare READER asks other readers")
        return
    await chat.ask("When was the lighthouse at Corran Head first lit?")
    chat.say("Then try: How tall is the tower?   Or, not in the text: Who owns the lighthouse?")
