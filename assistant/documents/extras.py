"""What to say when a library of the extra `[documents]` is not installed."""

from assistant.errors import DocumentError


def missing(name: str, what: str, error: ImportError | None = None) -> DocumentError:
    """The error for a document that needs a library of the extra.

    Args:
        name: what the document is called.
        what: what kind of document it is.
        error: the failed import.
    """
    library = f" ({error.name} is missing)" if error is not None and error.name else ""
    return DocumentError(
        f"{name}: {what} is read with the extra [documents]{library}; "
        'install it with `pip install "terminal-assistant[documents]"`.'
    )
