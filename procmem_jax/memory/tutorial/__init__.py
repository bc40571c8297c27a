"""The tutorial's memory, every quirk included."""
