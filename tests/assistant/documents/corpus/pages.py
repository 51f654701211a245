"""Web pages, EPUB books, Markdown and notebooks."""

import io
import json
from collections.abc import Callable

from ebooklib import epub

PAGES = {
    "faq-in-buttons": """<main><h1>Questions</h1><h3><button aria-expanded="true">Are dogs allowed?</button></h3>
<div><p>Yes, two a pitch.</p></div><h3><button aria-expanded="false">Is there a curfew?</button></h3>
<div hidden><p>From 22:30 to 7:00.</p></div><button onclick="send()">Send</button></main>""",
    "faq-in-details": """<h1>Help</h1><details><summary>May I bring food?</summary>Cold food only.</details>
<details open><summary>Where do I park?</summary><p>Behind the church.</p></details>""",
    "faq-of-w3": """<h2>Good to know</h2><button class="accordion">When do you open?</button>
<div class="panel" style="display:none"><p>At nine.</p></div><button class="accordion">And on Sundays?</button>
<div class="panel" style="display: none"><p>At eleven.</p></div>""",
    "faq-of-bootstrap": """<div class="accordion"><div class="accordion-item"><h2 class="accordion-header">
<button class="accordion-button collapsed" type="button" data-bs-toggle="collapse" data-bs-target="#one">Can I charge a car?
</button></h2><div id="one" class="accordion-collapse collapse"><div class="accordion-body">At pitches 40 to 48.</div>
</div></div></div>""",
    "tabs": """<div role="tablist"><button role="tab" aria-controls="p1">Opening hours</button>
<button role="tab" aria-controls="p2">Prices</button></div><div role="tabpanel" id="p1"><p>Nine to five.</p></div>
<div role="tabpanel" id="p2" hidden><p>Twelve euros, children six.</p></div>""",
    "table-with-spans": """<table><caption>Fares in euros</caption><thead><tr><th rowspan="2">Zone</th><th colspan="2">Single
</th></tr><tr><th>Day</th><th>Night</th></tr></thead><tbody><tr><td rowspan="2">A</td><td>2</td><td>3</td></tr>
<tr><td>4</td><td></td></tr><tr><th colspan="3">Islands</th></tr><tr><td>B</td><td></td><td>9</td></tr></tbody></table>""",
    "table-with-a-foot": """<table><tfoot><tr><td>Total</td><td>42</td></tr></tfoot><tbody><tr><td>Fish</td><td>40</td></tr>
<tr><td>Salt</td><td>2</td></tr></tbody></table>""",
    "page-laid-out-by-tables": """<table><tr><td><p>Menu of the week</p></td><td><table><tr><th>Day</th><th>Dish</th></tr>
<tr><td>Monday</td><td>Fish</td></tr><tr><td>Tuesday</td><td>Soup</td></tr></table></td></tr></table>""",
    "definitions": """<h2>The house</h2><dl><dt>Check-in</dt><dd>from 15:00</dd><dt>Pets:</dt><dd>two, on a lead</dd>
<dt>Is breakfast included?</dt><dd>Yes, until ten.</dd></dl>""",
    "form-with-values": """<h1>Booking</h1><form><p><label>Name <input value="Bo Ek"></label></p><p><label for="t">Town:</label>
<select id="t"><option>Ulm</option><option selected>Bari</option></select></p><p><input type="checkbox" checked> Breakfast
</p><p><input type="radio" name="r"> By train</p><p>Remarks <textarea>late arrival</textarea></p>
<input type="hidden" value="token"><button>Send</button></form>""",
    "what-is-hidden": """<p>Shown.</p><p style="display:none">Two words.</p><script>let x</script><p hidden>gone</p>""",
    "lists": """<h1>Plum cake</h1><p>Ingredients:</p><ul><li>500 g plums</li><li>3 eggs<ul><li>large ones</li></ul></li></ul>
<ol start="3"><li>Fold in the flour.</li><li value="7"><p>Bake.</p><p>45 minutes.</p></li></ol>""",
    "printed-code": """<h2>Use</h2><pre><code>def f():
    # a comment
    return 1</code></pre><p>That is all.</p>""",
}

CASES: dict[str, Callable[[], bytes]] = {
    f"{name}.html": (lambda body=body: f"<!DOCTYPE html><html><body>{body}</body></html>".encode())
    for name, body in PAGES.items()
}


def book() -> bytes:
    made = epub.EpubBook()
    made.set_identifier("x")
    made.set_title("The lighthouse")
    made.add_author("Ann Wren")
    chapters = []
    for at, (title, text) in enumerate(
        (("One", "The keeper lit the lamp at six."), ("Two", "The storm came at nine."))
    ):
        chapter = epub.EpubHtml(title=title, file_name=f"c{at}.xhtml")
        chapter.content = f"<html><body><h1>{title}</h1><p>{text}</p></body></html>"
        made.add_item(chapter)
        chapters.append(chapter)
    made.toc = tuple(chapters)
    made.add_item(epub.EpubNcx())
    made.add_item(epub.EpubNav())
    made.spine = ["nav", *chapters]
    file = io.BytesIO()
    epub.write_epub(file, made)
    return file.getvalue()


def notebook() -> bytes:
    cells = [
        {"cell_type": "markdown", "source": ["# Growth\n", "Rates of three years."]},
        {"cell_type": "code", "source": "print(2 * 21)", "outputs": [{"output_type": "stream", "text": ["42\n"]}]},
        {"cell_type": "code", "source": "1 / 0", "outputs": [{"output_type": "error", "ename": "ZeroDivisionError",
                                                             "evalue": "division by zero"}]},
    ]  # fmt: skip
    metadata = {"kernelspec": {"language": "python"}}
    return json.dumps({"cells": cells, "nbformat": 4, "metadata": metadata}).encode()


CASES["book.epub"] = book
CASES["notebook.ipynb"] = notebook
CASES["boats.md"] = lambda: (
    b"# Boats\n\n| boat | berth |\n|------|------:|\n| Svala | 12 |\n| Mira | |\n\nAll in the north.\n"
)
CASES["data.json"] = lambda: b'{"boat": "Svala", "berth": 12}\n'
CASES["data.xml"] = lambda: b"<?xml version='1.0'?>\n<boats><boat berth='12'>Svala</boat></boats>\n"
