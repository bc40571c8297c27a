"""Environments of other packages as `RawEnvironment`s: an adapter for each package, none of them imported."""
