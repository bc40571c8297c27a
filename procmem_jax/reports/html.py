"""HTML whose text is escaped wherever it comes from: markup is made by `element` alone."""

import dataclasses
import html
import json
from collections.abc import Iterable, Sequence
from typing import Any

_VOID = frozenset({"img", "input", "meta"})


class Html(str):
    """Text that is markup."""


def element(name: str, /, *children: Any, **attributes: Any) -> Html:
    """Returns an element.

    Args:
        name: such as "p".
        children: markup as it is, all else escaped; None is left out.
        attributes: an underscore stands for a hyphen, one at the end is dropped (`class_`); True gives a bare name,
            None and False none.
    """
    given = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{html.escape(str(value))}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    return Html(f"<{name}{given}>" if name in _VOID else f"<{name}{given}>{joined(*children)}</{name}>")


def joined(*children: Any) -> Html:
    """Returns the children one after the other, what is not markup escaped."""
    texts = (child if isinstance(child, Html) else html.escape(str(child)) for child in children if child is not None)
    return Html("".join(texts))


@dataclasses.dataclass(frozen=True)
class Section:
    """A part of a page.

    Attributes:
        name: that links lead to.
        heading: its title.
        body: what stands below it.
    """

    name: str
    heading: str
    body: Html

    @property
    def markup(self) -> Html:
        """The section as it stands in the page."""
        title = element("h2", self.heading, id=f"{self.name}-title")
        return element("section", title, self.body, id=self.name, aria_labelledby=f"{self.name}-title")


def table(caption: str, head: Sequence[Any], rows: Iterable[Sequence[Any]], *, numbers_from: int = 1) -> Html:
    """Returns a table; on a narrow screen it scrolls by itself.

    Args:
        caption: what it shows.
        head: of the columns.
        rows: cells; the first of each is its head.
        numbers_from: the first column of numbers, which stand at the right.
    """

    def side(column: int) -> str | None:
        return "number" if column >= numbers_from else None

    top = element("tr", *(element("th", cell, scope="col", class_=side(i)) for i, cell in enumerate(head)))
    body = (
        element("tr", *(element("td" if i else "th", cell, scope=None if i else "row", class_=side(i))
                        for i, cell in enumerate(row)))
        for row in rows
    )  # fmt: skip
    whole = element("table", element("caption", caption), element("thead", top), element("tbody", *body))
    return element("div", whole, class_="scroll", role="region", aria_label=caption, tabindex="0")


def data_script(name: str, content: Any) -> Html:
    """Returns data for the page's program; no text in it can end the element."""
    text = json.dumps(content, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    return Html(f'<script type="application/json" id="{html.escape(name)}">{text}</script>')


@dataclasses.dataclass(frozen=True)
class Part:
    """Sections of a page, and what its program must know of them.

    Attributes:
        sections: in their order.
        charts: by their names, what the pointer is told.
        replay: the pictures and words of a replay, None for none.
    """

    sections: list[Section]
    charts: dict[str, dict] = dataclasses.field(default_factory=dict)
    replay: dict | None = None
