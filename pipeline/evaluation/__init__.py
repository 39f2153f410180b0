"""How good a forecast is: scores, baselines, hotspots and the rolling-origin backtest."""
