import re
import tomllib
from pathlib import Path

import pytest

from assistant.errors import SettingsError
from assistant.settings import Settings, load_settings
from assistant.settings_file import save_setting
from tests.tui.harness import ARTICLE, Chat, open_chat
from tui.screens.models import ModelsScreen
from tui.screens.settings import SettingsScreen


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ASSISTANT_CONFIG", str(tmp_path / "settings.toml"))
    monkeypatch.setenv("ASSISTANT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "settings.toml"


async def choose(chat: Chat, name: str) -> None:
    await chat.send("/settings")
    await chat.until(lambda: isinstance(chat.app.screen, SettingsScreen) and "profile" in chat.shown())
    for _ in range(list(Settings.model_fields).index(name)):
        await chat.pilot.press("down")
    await chat.pilot.press("enter")


async def test_a_setting_is_switched_kept_and_the_models_loaded_with_it(chat: Chat, file: Path):
    await choose(chat, "verify")
    await chat.until(file.exists)
    assert load_settings().verify is False
    await chat.pilot.press("escape")
    await chat.ready()
    await chat.ask("echo fine")


async def test_a_value_that_does_not_fit_is_refused_in_words(chat: Chat, file: Path):
    await choose(chat, "temperature")
    await chat.until(lambda: "likeliest" in chat.shown())
    await chat.pilot.press("ctrl+u", *"hot", "enter")
    await chat.until(lambda: "temperature: input should be a valid number" in chat.shown())
    assert not file.exists()


async def test_a_theme_is_chosen_and_kept(chat: Chat, file: Path):
    await chat.send("/theme nord")
    await chat.until(lambda: chat.app.theme == "nord")
    assert load_settings().theme == "nord"
    await chat.send("/theme nrod")
    await chat.until(lambda: "did you mean nord?" in chat.said)


async def test_the_terminals_own_colours_are_a_theme(path: Path):
    async with open_chat(path, settings=Settings(theme="terminal")) as chat:
        await chat.ready()
        await chat.paste(ARTICLE)
        await chat.ask("Is it 21?")
        assert chat.app.current_theme.ansi


async def test_other_keys_are_taken_from_the_settings(path: Path):
    async with open_chat(path, settings=Settings(keys={"chat.stop": "f9", "app.help": "f10"})) as chat:
        await chat.ready()
        await chat.send("slow")
        await chat.until(lambda: chat.views and chat.views[0].exchange.text)
        await chat.pilot.press("escape")
        await chat.pilot.pause(0.2)
        assert not chat.views[0].complete
        await chat.pilot.press("f9")
        await chat.until(lambda: chat.views[0].complete)
        await chat.pilot.press("f10")
        await chat.until(lambda: "Keys here" in chat.shown() and "F9" in chat.shown())


async def test_without_unicode_the_screen_is_plain_ascii(path: Path):
    async with open_chat(path, settings=Settings(unicode=False)) as chat:
        await chat.ready()
        await chat.paste(ARTICLE.replace("Margaret", "Éléonore 🌳 東京"))
        await chat.ask("Is it 21?")
        await chat.ask("who says nothing?")
        await chat.until(lambda: "0 Not in the document" in chat.shown())
        assert chat.shown().isascii()
        chat.screen.transcript.scroll_home(animate=False)
        await chat.until(lambda: "+ entailed" in chat.shown())
        assert chat.shown().isascii()


async def test_the_models_show_what_each_profile_needs(chat: Chat, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tui.screens.models.machine_memory", lambda: 4_000_000_000)
    await chat.send("/models")
    await chat.until(lambda: isinstance(chat.app.screen, ModelsScreen) and "On this machine" in chat.shown())
    shown = " ".join(chat.shown().split())
    assert "1,544 M parameters, 1,093 MB to fetch" in shown
    assert re.search(r"memory up to \d\.\d GB; this machine has 4\.0 GB", shown)
    await chat.pilot.press("down")
    await chat.until(lambda: "494 M parameters, 478 MB to fetch" in " ".join(chat.shown().split()))
    await chat.pilot.press("enter")
    await chat.until(lambda: chat.app.screen is chat.screen)
    assert load_settings().profile == "light"
    await chat.ready()


def test_a_setting_is_changed_in_its_line_and_nothing_else(file: Path):
    before = '# mine\nseed = 3  # lucky\nprofile = "gpt2-large"\n\n[keys]\n"chat.stop" = "f9"\n'
    file.write_text(before)
    save_setting(file, "seed", 4)
    save_setting(file, "theme", "nord")
    assert tomllib.loads(file.read_text()) == {
        "seed": 4, "profile": "gpt2-large", "theme": "nord", "keys": {"chat.stop": "f9"}
    }  # fmt: skip
    assert file.read_text().startswith("# mine\n")
    save_setting(file, "seed", None)
    assert "seed" not in tomllib.loads(file.read_text())


def test_a_file_that_cannot_be_changed_safely_is_left_as_it_is(file: Path):
    broken = "other = = 3\n"
    file.write_text(broken)
    with pytest.raises(SettingsError):
        save_setting(file, "seed", 4)
    assert file.read_text() == broken


def test_a_text_that_looks_like_a_setting_stays_a_text(file: Path):
    file.write_text('system = """\nseed = 3\n"""\n')
    save_setting(file, "seed", 4)
    assert tomllib.loads(file.read_text()) == {"system": "seed = 3\n", "seed": 4}
