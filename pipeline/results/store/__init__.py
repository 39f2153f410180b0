"""The results store: its tables, who writes them and what can be asked of them."""
