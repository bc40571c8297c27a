"""The former place of `procmem_jax.export`, as ids of Gymnasium may name it."""
