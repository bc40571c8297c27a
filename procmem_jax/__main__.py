"""`python -m procmem_jax` is the command `procmem`."""

from procmem_jax.cli import main

if __name__ == "__main__":
    main()
