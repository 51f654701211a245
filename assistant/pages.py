"""Pages of HTML from templates: whatever is put into one is escaped, and cannot steer a terminal either."""

from functools import cache
from typing import TYPE_CHECKING, Any

from assistant.text import printable

if TYPE_CHECKING:
    from jinja2 import Environment


def render_page(package: str, template: str, **values: object) -> str:
    """The page that a template of a package makes of some values; a value that it lacks is an error of the template."""
    return _environment(package).get_template(template).render(**values)


@cache
def _environment(package: str) -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader(package, ""), autoescape=True, undefined=StrictUndefined, finalize=_inert,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip


def _inert(value: Any) -> Any:
    return printable(value) if type(value) is str else value  # what is marked as safe was made of printable text
