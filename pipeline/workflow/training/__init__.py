"""Training: as a job of a process of its own, tried, promoted, and when it is due."""
