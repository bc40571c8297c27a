"""`python -m procmem_jax` is the command `procmem`."""

from procmem_jax.cli.main import main

if __name__ == "__main__":
    main()
