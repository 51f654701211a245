"""A conversation as one page of HTML that needs nothing else: no scripts, no network, light and dark, and printable.

Everything said is untrusted: texts are escaped, Markdown is rendered without raw HTML and without images (one could be
fetched from elsewhere), and the page forbids itself scripts and any connection.
"""

from collections.abc import Iterator
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any

from assistant.documents.excerpts import excerpt, position
from assistant.history.types import Conversation, Said, Status, local_time
from assistant.text import printable
from assistant.types import Document, Label, Role

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

_BADGES = {
    Label.ENTAILMENT: "✔ entailed",
    Label.NEUTRAL: "? unsupported",
    Label.CONTRADICTION: "✘ contradicted",
}
_STYLE = """
:root { color-scheme: light dark; --soft: #8883; --entailment: #2e9e5b; --neutral: #c98a00; --contradiction: #d0453e; }
body { font: 16px/1.55 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; } header p, .how, figcaption { font-size: .85rem; opacity: .7; }
h2 { font-size: 1rem; white-space: pre-wrap; overflow-wrap: anywhere; margin: 2.5rem 0 1rem; padding: .5rem .8rem;
  border-left: 4px solid #4a7dd0; background: var(--soft); }
pre { overflow-x: auto; padding: .8rem; background: var(--soft); } code { font-size: .9em; }
figure { margin: 1rem 0; padding-left: .8rem; border-left: 4px solid var(--neutral); } figure p { margin: 0; }
mark { background: #ffd54a88; color: inherit; font-weight: 600; } .closest mark { background: none;
  text-decoration: underline; font-weight: 400; } .closest { border-color: #8888; }
.answer { font-weight: 600; } .failed { color: var(--contradiction); } .stopped { color: var(--neutral); }
.claim { margin: .8rem 0; } .claim b.entailment { color: var(--entailment); }
.claim b.neutral { color: var(--neutral); }
.claim b.contradiction { color: var(--contradiction); } dl { display: grid; grid-template-columns: 8rem 1fr 3rem;
  gap: 0 .5rem; margin: .3rem 0; font-size: .85rem; } dt, dd { margin: 0; } meter { width: 100%; height: 1rem; }
"""


def as_html(conversation: Conversation) -> str:
    """The conversation as a page, the evidence marked in its surroundings and the verdict on every claim."""
    title = escape(printable(conversation.title or "Conversation"))
    documents: dict[str, Document] = {document.name: document for document in conversation.documents}
    body: list[str] = []
    for said in conversation.messages:
        if said.role is Role.USER:
            documents |= {document.name: document for document in said.documents}
            body.append(f"<h2>{_text(said.text)}</h2>")
        else:
            body.append(f"<article>\n{''.join(_answer(said, documents))}</article>")
    when = _when(conversation.created)
    names = ", ".join(_text(document.name) for document in conversation.documents)
    about = f"{when} · {escape(conversation.id)}" + (f" · {names}" if names else "")
    return (
        '<!doctype html>\n<html><head><meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style></head>\n"
        f"<body><header><h1>{title}</h1><p>{about}</p></header>\n" + "\n".join(body) + "\n</body></html>\n"
    )


def _answer(said: Said, documents: dict[str, Document]) -> Iterator[str]:
    if said.status is Status.FAILED:
        yield f'<p class="failed">✘ {_text(said.text)}</p>\n'
        return
    record = said.answer or {}
    stopped = said.status in (Status.STOPPED, Status.STREAMING)
    if record.get("route") != "extract":
        yield _markdown().render(printable(said.text))
    elif record.get("answer") is not None:
        yield f'<p class="answer">{_text(said.text)}</p>\n'
    elif not stopped:
        yield '<p class="answer">∅ Not in the document</p>\n'
    if stopped:
        yield '<p class="stopped">■ stopped</p>\n'
    for place in record.get("evidence") or ():
        yield _place(place, documents, "")
    if closest := record.get("closest"):
        yield _place(closest, documents, "closest")
    if verdict := record.get("verdict"):
        for claim in verdict.get("claims") or [verdict]:
            yield _claim(claim)
    elif reason := record.get("verdict_reason"):
        yield f'<p class="how">not checked: {_text(reason)}</p>\n'
    models = record.get("models")
    model = models.get("generator") if isinstance(models, dict) else None
    parts = [
        record.get("route"),
        said.reason,
        model,
        f"{record['usage']['seconds']} s" if record.get("usage") else None,
    ]
    how = [_text(str(part)) for part in (*parts, _when(said.created)) if part]
    yield f'<p class="how">{" · ".join(how)}</p>\n'


def _place(place: dict[str, Any], documents: dict[str, Document], kind: str) -> str:
    start, end, text = place["start"], place["end"], place["text"]
    document = documents.get(place["document"])
    whole = document is not None and document.text[start:end] == text
    cut = excerpt(document.text, start, end) if document is not None and whole else excerpt(text, 0, len(text))
    where = [_text(place["document"])]
    if document is not None and whole:
        where.append(escape(position(document.text, start, end, place.get("page"))))
    if place.get("score") is not None and not kind:
        where.append(f"score {place['score']:.0%}")
    return (
        f'<figure class="{kind}"><p>{_text(cut.before)}<mark>{_text(cut.span)}</mark>{_text(cut.after)}</p>'
        f"<figcaption>{'closest passage · ' if kind else ''}{' · '.join(where)}</figcaption></figure>\n"
    )


def _claim(claim: dict[str, Any]) -> str:
    label = Label(claim["label"])
    rows = "".join(
        f'<dt>{each.value}</dt><dd><meter value="{claim[each.value]:.4f}"></meter></dd><dd>{claim[each.value]:.0%}</dd>'
        for each in Label
    )
    text = f" {_text(claim['text'])}" if claim.get("text") else ""
    evidence = claim.get("evidence")
    decided = f'<p class="how">decided by “{_text(evidence["text"])}”</p>' if evidence else ""
    return f'<div class="claim"><b class="{label.value}">{_BADGES[label]}</b>{text}<dl>{rows}</dl>{decided}</div>\n'


def _text(text: str) -> str:
    return escape(printable(text))


def _when(moment: float) -> str:
    return local_time(moment).strftime("%Y-%m-%d %H:%M")


@cache
def _markdown() -> "MarkdownIt":
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
