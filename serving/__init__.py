"""What the users of a pushed model touch: signatures, clients, servers."""
