"""Effects: the thin places where decisions become requests, behind the ports of chronos_clients."""
