"""The sources on loopback: recorded files or a simulated city, behind the real protocols."""
