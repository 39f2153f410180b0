"""What the page's API answers, put together from the results store."""
