"""Many agents for many episodes, in lanes and chunks that leave no trace in the results."""
