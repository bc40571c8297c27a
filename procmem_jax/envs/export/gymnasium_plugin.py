"""What an id of Gymnasium names that was written when `procmem_jax.export.gymnasium_plugin` was here."""

import importlib
import sys
import warnings

if "gymnasium" in sys.modules:
    warnings.warn(f"{__name__} is procmem_jax.export.gymnasium_plugin now", DeprecationWarning, stacklevel=2)
    importlib.import_module("procmem_jax.export.gymnasium_plugin")
