"""Weekly violent-crime hotspot forecasts: open data in, a calibrated grid out."""
