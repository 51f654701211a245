"""The XML inside archives: parsed without entities, network or unbounded depth."""

from typing import Any


def parse_part(data: bytes) -> Any:
    """The root element of a part. Entities are not expanded, and nothing outside it is read.

    Raises:
        lxml.etree.XMLSyntaxError: it is damaged, or nested too deep.
    """
    from lxml import etree

    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True, huge_tree=False
    )
    return etree.fromstring(data, parser)
