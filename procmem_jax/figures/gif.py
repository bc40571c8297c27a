"""Images as an animated GIF, written whole or not at all."""

import pathlib
from collections.abc import Iterable, Sequence

import numpy as np

from procmem_jax.experiments.storage.files import write_whole

_SHADES = 8  # of every colour between itself and white, for the edges of what is drawn
_GREYS = 24
_NO_COLOURS = np.zeros((0, 3), np.uint8)


def write_gif(
    path: pathlib.Path,
    images: Iterable[np.ndarray],
    colours: Sequence[str],
    *,
    fps: float,
    pause: float,
    exact: np.ndarray = _NO_COLOURS,
) -> None:
    """Writes `images` (`[H, W, 3]` uint8 each, drawn while it writes) as a GIF that repeats for ever.

    All images share one palette: with a palette each, unchanged parts would flicker and be stored again.

    Args:
        path: of the file.
        images: at least one.
        colours: what they are drawn in, as "#RRGGBB", at most 28, on white; all else becomes the nearest shade.
        fps: images a second.
        pause: seconds that the last image stays longer.
        exact: `[K, 3]` uint8, colours in which larger parts are drawn, without shades; as many as there is room for.
    """
    write_whole(path, lambda aside: _write(aside, images, _palette(colours, exact), fps, pause))


def _write(path: pathlib.Path, images: Iterable[np.ndarray], palette: np.ndarray, fps: float, pause: float) -> None:
    from PIL import Image

    frames = []
    for image in images:
        frame = Image.fromarray(_nearest(image, palette))
        frame.putpalette(palette.reshape(-1).tolist())
        frames.append(frame)
    duration = round(1000 / fps)
    durations = [duration] * (len(frames) - 1) + [duration + round(1000 * pause)]
    first, *others = frames
    first.save(path, format="GIF", save_all=True, append_images=others, duration=durations, loop=0, optimize=False)


def _nearest(image: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """Returns the number of the nearest entry of `palette` for every pixel, `[H, W]` uint8.

    PIL's own way is nearest only to within a few shades, which turns white paper grey.
    """
    packed = pack_colours(image)
    found, places = np.unique(packed, return_inverse=True)
    colours = unpack_colours(found).astype(np.int32)
    distances = np.sum((colours[:, None] - palette[None].astype(np.int32)) ** 2, axis=-1)
    return np.argmin(distances, axis=1).astype(np.uint8)[places].reshape(packed.shape)


def pack_colours(image: np.ndarray) -> np.ndarray:
    """Returns the colours of `image` (`[..., 3]` uint8) as numbers 0xRRGGBB, `[...]` uint32: quick to tell apart."""
    return image.astype(np.uint32) @ np.asarray([1 << 16, 1 << 8, 1], np.uint32)


def unpack_colours(numbers: np.ndarray) -> np.ndarray:
    """Returns the colours of `pack_colours`, `[..., 3]` uint8."""
    return (numbers[..., None] >> np.asarray([16, 8, 0], np.uint32) & 255).astype(np.uint8)


def _palette(colours: Sequence[str], exact: np.ndarray) -> np.ndarray:
    """Returns `[256, 3]` uint8: greys, every colour in shades to white, and those of `exact` that there is room for."""
    greys = np.linspace(0, 255, _GREYS)[:, None].repeat(3, axis=1)
    part = np.linspace(0, 1, _SHADES, endpoint=False)[:, None]
    shades = [(1 - part) * [int(text[i : i + 2], 16) for i in (1, 3, 5)] + part * 255 for text in colours]
    table = np.concatenate([greys, *shades]).round().astype(np.uint8)
    return np.concatenate([table, exact, np.zeros((256, 3), np.uint8)])[:256]
