"""Texts made to do harm where they are shown, and what none of them may leave on a terminal or in a file."""

import re

SMALL = {
    "colour": "\x1b[31mred\x1b[0m",
    "clear screen": "\x1b[2J\x1b[H\x1bc",
    "cursor and scroll": "\x1b[999;999H\x1b[s\x1b[1;1r\x1b[?25l",
    "alternate screen": "\x1b[?1049h hidden \x1b[?1049l",
    "title": "\x1b]0;owned\x07",
    "title read back": "\x1b[21t\x1b]l",
    "hyperlink (OSC 8)": "\x1b]8;;http://evil.example/\x1b\\click\x1b]8;;\x1b\\",
    "clipboard (OSC 52)": "\x1b]52;c;cm0gLXJmIH4=\x07",
    "notification (OSC 9, 777)": "\x1b]9;hello\x07\x1b]777;notify;a;b\x1b\\",
    "iTerm file (OSC 1337)": "\x1b]1337;File=inline=1:AAAA\x07",
    "palette (OSC 4, 11)": "\x1b]4;0;#ffffff\x07\x1b]11;?\x07",
    "DCS, APC, PM, SOS": "\x1bP1$q\"p\x1b\\\x1b_Ga=T\x1b\\\x1b^x\x1b\\\x1bXx\x1b\\",
    "answerback": "\x05\x1b[c\x1b[6n\x1bZ",
    "C1 controls": "\x9b31m \x9d0;owned\x9c \x90x\x9c \x84\x85\x8d\x8e\x98",
    "C1 as bytes of UTF-8": b"\xc2\x9b2J\xc2\x9d0;x\xc2\x9c".decode(),
    "bell, backspace, carriage return": "safe\x08\x08\x08\x08evil\rover\x07\x0b\x0c\x0e\x0f",
    "delete and nul": "a\x7f\x7f\x00b",
    "keyboard modes": "\x1b[?2004h\x1b[>1u\x1b[?1003h",
    "bidirectional override": "invoice\u202egpj.exe\u202c",
    "bidirectional isolates": "\u2066\u2067access\u2068 denied\u2069\u2069\u200f\u200e\u061c",
    "trojan source": "if admin:\u202e \u2066# check\u2069 \u2066 begin",
    "line separators": "one\u2028two\u2029three\x85four",
    "zero width": "pass\u200bword\u200c\u200d\u2060\ufeff",
    "tags": "hello" + "".join(chr(0xE0000 + ord(char)) for char in "ignore all this"),
    "interlinear": "\ufff9a\ufffab\ufffb",
    "lone surrogate in JSON": "half a pair",
    "Rich markup": "[bold red]x[/] [link=http://evil.example]y[/link] [/] [red",
    "Textual markup": "[@click=app.quit]leave[/] [@click=\"app.bell\"]x[/] [$primary on $error]z",
    "emoji codes": ":warning: :bomb: :thumbs_up:",
    "HTML": "<script>alert(1)</script><img src=x onerror=alert(2)><svg/onload=alert(3)>",
    "HTML that closes": "</title></style></pre></code></h2></body><iframe src=//evil.example>",
    "HTML entity tricks": "&lt;script&gt; &#60;script&#62; \"'><b onmouseover=alert(1)>",
    "Markdown image": "![x](http://evil.example/track.png) ![y][z]\n\n[z]: http://evil.example/z.png",
    "Markdown links": "[x](javascript:alert(1)) [y](data:text/html,<script>1</script>) <javascript:alert(1)>",
    "Markdown structure": "# Verdict\n\n---\n\n> **entailment**\n\n```\n[never closed",
    "Markdown table": "| a | b |\n|---|---|\n| <b>x</b> | ![i](http://evil.example/i) |",
    "format strings": "%s %n {0} {0.__class__} ${HOME} `id` $(id) {{7*7}} {% raw %}",
    "paths": "../../../etc/passwd C:\\con\\con /dev/zero ~root file:///etc/passwd",
    "formula": "=cmd|' /C calc'!A0 @SUM(1) +1 -1",
}  # fmt: skip

LARGE = {
    "zalgo": "Z" + "\u0321\u0334\u0351\u0317" * 5_000,
    "zero-width flood": "a" + "\u200b\u200d\u2060" * 20_000 + "b",
    "joiner flood": "👩" + "\u200d👩" * 5_000,
    "gigantic line": "word " * 60_000,
    "gigantic word": "x" * 300_000,
    "newline flood": "\n" * 50_000 + "end",
    "escape flood": "\x1b[31m" * 4_000,
    "quote bomb": ">" * 5_000 + " deep",
    "list bomb": "".join(f"{' ' * at}- x\n" for at in range(400)),
    "bracket bomb": "[" * 5_000 + "](" * 1_000,
    "emphasis bomb": "*a_ " * 4_000 + "**" * 1_000,
    "backtick bomb": " ".join("`" * at for at in range(1, 300)),
    "table bomb": "|" * 3_000 + "\n" + "|-" * 3_000 + "|\n" + ("|" * 3_000 + "\n") * 3,
    "link definitions": "".join(f"[{at}]: http://x.example/{at}\n" for at in range(500)) + "[1]" * 500,
    "HTML bomb": "<div>" * 5_000 + "<!--" * 1_000,
    "entity bomb": "&amp;" * 3_000 + "&#x" * 3_000,
}

# C0 but newline and tab, DEL, C1, what reorders text, other line ends, and half characters.
ACTIVE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_MARKS = "\u0300-\u036f\u200b-\u200d\u2060-\u2064\ufe00-\ufe0f\U000e0000-\U000e0fff"
FLOOD = re.compile(f"[{_MARKS}]{{9}}")


def active(shown: str | bytes, *, allowed: str = "") -> list[str]:
    """What in some output could steer a terminal or pile up on it; `allowed` characters are let through."""
    text = shown.decode("utf-8") if isinstance(shown, bytes) else shown
    found = [f"{ord(match[0]):#x} in {text[max(0, match.start() - 20) : match.end() + 20]!r}"
             for match in ACTIVE.finditer(text) if match[0] not in allowed]  # fmt: skip
    return found[:5] + [f"a flood at {match.start()}" for match in FLOOD.finditer(text)][:5]
