"""Our grid in the interfaces of other packages: gymnax, Gymnasium and its vector environments."""

from typing import TYPE_CHECKING

from procmem_jax.lazy import lazy_names

if TYPE_CHECKING:
    from procmem_jax.export.gymnasium_env import as_gymnasium as as_gymnasium
    from procmem_jax.export.gymnasium_ids import register_gymnasium as register_gymnasium
    from procmem_jax.export.gymnax_env import as_gymnax as as_gymnax

_NAMES = {
    "gymnasium_env": "as_gymnasium",
    "gymnasium_ids": "register_gymnasium",
    "gymnax_env": "as_gymnax",
}
__getattr__, __dir__, __all__ = lazy_names(__name__, _NAMES)
