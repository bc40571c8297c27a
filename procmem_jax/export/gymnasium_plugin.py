"""Registers the grid's ids when Gymnasium imports it, for programs that are given nothing but an id.

Gymnasium 1.x has no plugins, but imports a module that stands before an id:
`gymnasium.make("procmem_jax.export.gymnasium_plugin:procmem/Random-8-v0")`. Nothing else imports this one, and
it never imports Gymnasium: where that is not loaded, it does nothing.
"""

import sys

from procmem_jax.export.gymnasium_ids import register_gymnasium

if "gymnasium" in sys.modules:
    register_gymnasium()
