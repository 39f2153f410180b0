"""Clients of the open-data services, and what turns their answers into the project's tables."""
