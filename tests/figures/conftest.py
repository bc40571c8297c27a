"""What tests of the charts share."""

import matplotlib.figure
import pytest


@pytest.fixture
def figures(monkeypatch):
    """The matplotlib figures that are made from now on; drawing them, which takes a second each, is left out."""
    made = []

    def keep(figure, path, **style):
        path.write_bytes(b"a picture")
        made.append(figure)

    monkeypatch.setattr(matplotlib.figure.Figure, "savefig", keep)
    return made
