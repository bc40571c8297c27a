"""Our grid in the interfaces of other packages: gymnax, Gymnasium and its vector environments."""
