"""Immutable, content-addressed folders of Parquet, on disk or in object storage."""
