from pathlib import Path

import pytest

from assistant.errors import SettingsError, UsageError
from assistant.settings import Settings, load_settings, settings_path, system_text


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    import os

    for name in list(os.environ):
        if name.startswith("ASSISTANT_"):
            monkeypatch.delenv(name)
    path = tmp_path / "settings.toml"
    monkeypatch.setenv("ASSISTANT_CONFIG", str(path))
    return path


def test_without_file_and_variables_the_defaults_are_in_force(file: Path) -> None:
    assert load_settings() == Settings()
    assert settings_path() == file


def test_options_lie_over_variables_and_variables_over_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text('profile = "a"\nreader = "a"\nverifier = "a"\nverify = false\n')
    monkeypatch.setenv("ASSISTANT_READER", "b")
    monkeypatch.setenv("ASSISTANT_VERIFIER", "b")
    found = load_settings({"verifier": "c", "server": None})
    assert (found.profile, found.reader, found.verifier, found.verify) == ("a", "b", "c", False)


def test_variables_are_read_as_what_the_setting_is(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSISTANT_TEMPERATURE", "0.5")
    monkeypatch.setenv("ASSISTANT_VERIFY", "false")
    monkeypatch.setenv("ASSISTANT_MAX_NEW_TOKENS", "7")
    found = load_settings()
    assert (found.temperature, found.verify, found.max_new_tokens) == (0.5, False, 7)


def test_variables_that_say_where_things_are_kept_are_no_settings(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CACHE", "DATA", "TEST_DATA", "API_KEY"):
        monkeypatch.setenv(f"ASSISTANT_{name}", "x")
    assert load_settings() == Settings()


@pytest.mark.parametrize(
    "content, said",
    [
        ('profil = "x"', "did you mean profile"),
        ("temprature = 1", "did you mean temperature"),
        ("zzz = 1", "known are"),
        ("[section]\nprofile = 1", "unknown setting section"),
        ("temperature = 3", "temperature: input should be less than or equal to 2"),
        ("temperature = nan", "temperature"),
        ("profile = 5", "profile: input should be a valid string"),
        ("max_new_tokens = 0", "max_new_tokens"),
        ("max_new_tokens = 1.5", "max_new_tokens"),
        ('verify = "perhaps"', "verify"),
        ("profile = ", "not valid TOML"),
    ],
)
def test_a_wrong_file_is_one_error_that_names_it_and_the_nearest_right_key(file: Path, content: str, said: str) -> None:
    file.write_text(content)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert said in str(caught.value)
    assert str(file) in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_file_that_cannot_be_read_is_one_error(file: Path) -> None:
    file.write_bytes(b"profile = '\xff'")
    with pytest.raises(SettingsError, match="not valid TOML"):
        load_settings()
    file.unlink()
    file.mkdir()
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings()


def test_a_wrong_variable_is_named_as_the_user_set_it(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSISTANT_PROFIL", "x")
    with pytest.raises(
        SettingsError, match=r"the environment: unknown setting ASSISTANT_PROFIL; did you mean profile\?"
    ):
        load_settings()
    monkeypatch.delenv("ASSISTANT_PROFIL")
    monkeypatch.setenv("ASSISTANT_TEMPERATURE", "hot")
    with pytest.raises(SettingsError, match="the environment: ASSISTANT_TEMPERATURE"):
        load_settings()


def test_every_setting_says_what_it_means() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_a_system_prompt_may_lie_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "role.txt").write_text("Answer in rhyme.", "utf-8")
    assert system_text(f"@{tmp_path}/role.txt") == "Answer in rhyme."
    assert system_text("Answer in verse.") == "Answer in verse."


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"a" * 100_001], ids=["missing", "not-text", "too-long"])
def test_a_system_prompt_that_cannot_be_read_is_a_usage_error(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "role.txt").write_bytes(content)
    with pytest.raises(UsageError, match=r"role\.txt"):
        system_text(f"@{tmp_path}/role.txt")
