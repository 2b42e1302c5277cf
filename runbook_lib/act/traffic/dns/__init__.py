"""DNS: records changed by RFC 2136."""
