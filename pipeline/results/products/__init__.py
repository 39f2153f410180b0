"""What is made of a stored week: maps, the printed report, exports, tables, cards."""
