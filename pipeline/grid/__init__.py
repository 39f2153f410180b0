"""Incidents and weather laid on the grid, week by week."""
