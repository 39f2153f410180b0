"""The words of the project: weeks, grids, cities, tables, errors. No input or output."""
