"""Chat templates to choose from, for a base that has none or is to have another."""

from pathlib import Path

from assistant.errors import UsageError, did_you_mean

_TEMPLATES = {
    "chatml": (
        "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"
        "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    ),
    "alpaca": (
        "{% for message in messages %}{% if message['role'] == 'system' %}{{ message['content'] }}\n\n"
        "{% elif message['role'] == 'user' %}### Instruction:\n{{ message['content'] }}\n\n"
        "{% else %}### Response:\n{{ message['content'] }}\n\n{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}### Response:\n{% endif %}"
    ),
}


def chat_template(name: str) -> str:
    """The template of a name, or of a file whose name ends in .jinja.

    Raises:
        UsageError: there is neither, or the file is no template.
    """
    if name in _TEMPLATES:
        return _TEMPLATES[name]
    if not name.endswith(".jinja"):
        raise UsageError(
            f"data.chat_template: there is no {name!r}; {did_you_mean(name, sorted(_TEMPLATES))} "
            "Or name a file that ends in .jinja."
        )
    from jinja2 import TemplateSyntaxError
    from jinja2.sandbox import SandboxedEnvironment

    try:
        text = Path(name).read_text("utf-8")
        SandboxedEnvironment(extensions=["jinja2.ext.loopcontrols"]).parse(text)
    except (OSError, UnicodeDecodeError, TemplateSyntaxError) as error:
        raise UsageError(f"data.chat_template: {name} cannot be used: {error}") from error
    return text
