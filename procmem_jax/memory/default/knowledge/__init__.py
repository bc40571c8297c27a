"""What the default memory finds out beside skills."""
