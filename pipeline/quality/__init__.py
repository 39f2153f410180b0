"""The gate between pulled data and the grid: suites of checks, and what each outcome does."""
