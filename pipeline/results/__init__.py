"""Where forecasts are kept and shown: the results store, exports, maps and terminal tables."""
