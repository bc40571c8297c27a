"""A page taken apart by Python's own parser."""

import dataclasses
import html.parser

VOID = {"meta", "img", "input", "br", "hr", "link"}


@dataclasses.dataclass
class Node:
    """An element: its name, its attributes, what stands in it."""

    name: str
    attributes: dict
    children: list = dataclasses.field(default_factory=list)
    texts: list = dataclasses.field(default_factory=list)

    def all(self, name=None):
        """The elements in it, those of one name if it is given."""
        for child in self.children:
            if name in (None, child.name):
                yield child
            yield from child.all(name)

    @property
    def text(self):
        """Its text and that of what stands in it."""
        return " ".join([*self.texts, *(child.text for child in self.children)])


class _Reader(html.parser.HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.root = Node("", {})
        self.open = [self.root]

    def handle_starttag(self, tag, attrs):
        node = Node(tag, dict(attrs))
        assert len(node.attributes) == len(attrs), f"an attribute twice in {tag}: {attrs}"
        self.open[-1].children.append(node)
        if tag not in VOID:
            self.open.append(node)

    def handle_endtag(self, tag):
        assert self.open.pop().name == tag, f"{tag} ends what it did not begin"

    def handle_data(self, data):
        self.open[-1].texts.append(data)


def read_page(text: str) -> Node:
    """The page, whose elements must all end where they should."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == [reader.root], "an element does not end"
    return reader.root


def assert_sound(page: Node) -> None:
    """Fails unless the page loads nothing, and every picture, table, control and id is as readers need them."""
    for node in page.all():
        for name in ("src", "href", "action", "data", "poster", "srcset", "xlink:href"):
            value = node.attributes.get(name)
            assert value is None or value.startswith(("#", "data:image/png;base64,")), (node.name, name, value[:80])
        assert not any(name.startswith("on") for name in node.attributes), node.attributes
    names = [node.attributes["id"] for node in page.all() if "id" in node.attributes]
    assert len(names) == len(set(names))
    assert {a.attributes["href"][1:] for a in page.all("a")} <= set(names)
    for node in page.all():
        for reference in ("aria-labelledby", "for"):
            assert set((node.attributes.get(reference) or "").split()) <= set(names)
    assert all(picture.attributes.get("alt") for picture in page.all("img"))
    for picture in page.all("svg"):
        assert "viewbox" in picture.attributes
        hidden = picture.attributes.get("aria-hidden") == "true"
        assert hidden or (picture.attributes["role"] == "img" and picture.children[0].name == "title")
    for table in page.all("table"):
        assert [child.name for child in table.children] == ["caption", "thead", "tbody"]
        assert all(head.attributes["scope"] in ("col", "row") for head in table.all("th"))
        widths = {len(row.children) for row in table.all("tr")}
        assert len(widths) == 1 and all(row.children[0].name == "th" for row in table.all("tr"))
    labelled = [control for label in page.all("label") for control in label.all("input")]
    assert len(labelled) == len(list(page.all("input")))
    assert all(button.attributes["type"] == "button" and button.text.strip() for button in page.all("button"))
    [html_node] = page.all("html")
    assert html_node.attributes["lang"] == "en" and next(page.all("title")).text
    assert [len(list(page.all(name))) for name in ("h1", "main", "nav")] == [1, 1, 1]
