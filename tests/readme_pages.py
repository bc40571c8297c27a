"""The README and its pages taken apart: blocks of code, what they say that they print, commands, links."""

import dataclasses
import pathlib
import re

ROOT = pathlib.Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / ".readme").glob("*.md"))]
FILE_MARK = "# mine.py"  # the first line of what belongs into the reader's own file
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


@dataclasses.dataclass(frozen=True)
class Chain:
    """Blocks that go on from one another: the first of them imports the package.

    Attributes:
        page: the file.
        heading: the section of the first block.
        blocks: of Python, without what belongs into a file.
    """

    page: pathlib.Path
    heading: str
    blocks: tuple[str, ...]

    @property
    def printed(self) -> list[str]:
        """The lines that the blocks say they print: comments at the margin."""
        lines = [line for block in self.blocks for line in block.splitlines()]
        return [line.removeprefix("# ") for line in lines if line.startswith("# ")]


def blocks_of(text: str, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return [block for name, block in _FENCE.findall(text) if name == language]


def prose_of(text: str) -> str:
    """A page without its blocks."""
    return _FENCE.sub("", text)


def spans_of(text: str) -> list[str]:
    """The code spans of a page's prose, each on one line."""
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose_of(text))]


def chains_of(page: pathlib.Path) -> list[Chain]:
    """The chains of Python blocks of a page."""
    chains: list[Chain] = []
    text = page.read_text(encoding="utf-8")
    for match in _FENCE.finditer(text):
        name, block = match.groups()
        if name != "python" or block.startswith(FILE_MARK):
            continue
        if re.search(r"^(?:import|from) procmem_jax", block, flags=re.MULTILINE):
            heading = re.findall(r"^#+ (.*)$", _FENCE.sub("", text[: match.start()]), flags=re.MULTILINE)[-1]
            chains.append(Chain(page, heading, (block,)))
        else:
            chains[-1] = dataclasses.replace(chains[-1], blocks=(*chains[-1].blocks, block))
    return chains


def own_file() -> str:
    """The reader's file `mine.py`, of all its pieces."""
    pieces = [block for page in PAGES for block in blocks_of(page.read_text(encoding="utf-8"), "python")]
    return "\n\n".join(piece for piece in pieces if piece.startswith(FILE_MARK))


def same_but_for_digits(line: str, said: str) -> bool:
    """Whether two lines have the same words, and numbers within 15% (of 1 at least): another jax, other last bits."""
    if _NUMBER.sub("0", line).split() != _NUMBER.sub("0", said).split():
        return False
    pairs = zip(map(float, _NUMBER.findall(line)), map(float, _NUMBER.findall(said)), strict=True)
    return all(abs(here - there) <= 0.15 * max(abs(there), 1.0) for here, there in pairs)


def slug(heading: str) -> str:
    """What a heading is linked by."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
