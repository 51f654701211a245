"""E-mails, mailboxes and pages saved as one file, made by Python's own packages."""

import mailbox
import tempfile
from collections.abc import Callable
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

CASES: dict[str, Callable[[], bytes]] = {}


def message(subject: str, text: str, **fields: str) -> EmailMessage:
    made = EmailMessage(policy=SMTP)
    made["From"], made["To"], made["Subject"] = "Ann Ek <ann@example.org>", "bo@example.org", subject
    for name, value in fields.items():
        made[name] = value
    made.set_content(text)
    return made


def plain_and_encoded() -> bytes:
    made = EmailMessage()
    made["From"], made["Subject"] = "Ann <ann@example.org>", "Fähre am Freitag"
    made.set_content("Die Fähre fährt um 9:40 von Pier 3.\n", cte="base64")
    return made.as_bytes()


def with_attachments() -> bytes:
    made = message("The plans", "Please find the plans attached.\n\nAnn\n", Date="Thu, 2 May 2024 10:00:00 +0200")
    made.add_attachment(b"%PDF-1.4", maintype="application", subtype="pdf", filename="plan north.pdf")
    made.add_attachment("a,b\n", filename="übersicht.csv")
    return made.as_bytes()


def with_a_page_only() -> bytes:
    made = EmailMessage()
    made["From"], made["Subject"] = "shop@example.org", "Your order"
    made.set_content("<p>Thank you.</p><table><tr><th>Item</th><th>Sum</th></tr><tr><td>Rope</td><td>12</td></tr></table>",
                     subtype="html")  # fmt: skip
    return made.as_bytes()


def of_two_kinds() -> bytes:
    made = message("Meeting", "We meet on Monday at ten.\n")
    made.add_alternative("<p>We meet on <b>Monday</b> at ten.</p>", subtype="html")
    return made.as_bytes()


def of_a_page_and_a_word_to_see_it() -> bytes:
    made = message("Moving", "Please see this message as a page.\n")
    page = (
        "<p>Dear all,</p><p>we move on <b>Friday, 28 March</b>. The lorry comes at 07:30, so the desks must be empty by "
        "Thursday, 16:00. Boxes are in room 204.</p>"
    )
    made.add_alternative(page, subtype="html", cte="quoted-printable")
    return made.as_bytes()


def forwarded() -> bytes:
    made = message("Fwd: Berth", "See below.\n")
    made.add_attachment(message("Berth", "You have berth 12.\n"))
    return made.as_bytes()


def box() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        kept = mailbox.mbox(Path(folder) / "box")
        for at, text in enumerate(("When does the ferry leave?\n", "At 9:40.\nFrom pier 3.\n")):
            kept.add(message(("Re: " if at else "") + "Ferry", text))
        kept.flush()
        return (Path(folder) / "box").read_bytes()


def saved_page() -> bytes:
    return (
        b"From: <Saved by Blink>\r\nSnapshot-Content-Location: https://example.org/\r\nSubject: Harbour\r\n"
        b'MIME-Version: 1.0\r\nContent-Type: multipart/related; type="text/html"; boundary="b1"\r\n\r\n'
        b"--b1\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        b"<!DOCTYPE html><html><head><title>Harbour</title></head><body><h1>Harbour</h1><p>The fee is =E2=82=AC12 a day=\r\n"
        b" and night.</p></body></html>\r\n--b1\r\nContent-Type: text/css\r\n\r\np { color: red }\r\n--b1--\r\n"
    )


for make, ending in ((plain_and_encoded, "eml"), (with_attachments, "eml"), (with_a_page_only, "eml"),
                     (of_two_kinds, "eml"), (of_a_page_and_a_word_to_see_it, "eml"), (forwarded, "eml"), (box, "mbox"), (saved_page, "mhtml")):  # fmt: skip
    CASES[f"{make.__name__.replace('_', '-')}.{ending}"] = make
