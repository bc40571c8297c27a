"""Intervals, interquartile means and paired differences; measures of learning curves."""
