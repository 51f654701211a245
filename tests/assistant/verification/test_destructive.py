import time

import pytest

from assistant.verification.destructive import destructive_commands


def block(code: str, language: str = "sh") -> str:
    return f"Do this:\n\n```{language}\n{code}\n```\n\nThat is all."


@pytest.mark.parametrize(
    ("code", "language", "names"),
    [
        ("git reset --hard HEAD^", "sh", ["git reset --hard"]),
        ("cd repo && git clean -fdx", "bash", ["git clean"]),
        ("git push --force origin main", "", ["git push --force"]),
        ("git push -f", "sh", ["git push --force"]),
        ("find . -size +100M -exec rm {} \\;", "sh", ["rm"]),
        ("find . -name '*.tmp' -delete", "sh", ["find -delete"]),
        ("ls | xargs -n 1 rm", "sh", ["rm"]),
        ("sudo rm -rf /var/log/old", "console", ["rm"]),
        ("dd if=a.iso of=/dev/sdb", "sh", ["dd"]),
        ("DROP TABLE users;", "sql", ["DROP"]),
        ("delete from users;", "sql", ["DELETE without WHERE"]),
        ("shutil.rmtree(path)", "python", ["shutil.rmtree"]),
    ],
)
def test_what_deletes_or_overwrites_for_good_is_named(code: str, language: str, names: list[str]) -> None:
    assert destructive_commands(block(code, language)) == names


@pytest.mark.parametrize(
    ("code", "language"),
    [
        ("git reset --soft HEAD~1", "sh"),
        ("git push --force-with-lease", "sh"),
        ("find . -type f -size +100M", "sh"),
        ("echo 'the form is rm'", "sh"),
        ("grep -r 'confirm it' src", "sh"),
        ("DELETE FROM users WHERE id = 4;", "sql"),
        ("words.remove('a')", "python"),
        ("del items[0]", "python"),
    ],
)
def test_what_destroys_nothing_is_not(code: str, language: str) -> None:
    assert destructive_commands(block(code, language)) == []


def test_prose_that_warns_of_a_command_is_no_command() -> None:
    assert destructive_commands("Never run `git reset --hard` here.") == []


def test_a_long_block_is_looked_through_in_time() -> None:
    began = time.process_time()
    destructive_commands(block("find " + "a " * 40_000 + "\n" + "git reset " * 5_000))
    assert time.process_time() - began < 5
