"""HAProxy: weights of servers over the runtime API."""
