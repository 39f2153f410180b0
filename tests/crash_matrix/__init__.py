"""Every writer killed, or its disk filled, at many of the calls by which it changes files."""
