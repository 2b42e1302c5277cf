"""A release on its way: watched, its failed Pods handled, batch by batch; held, let go, or taken back."""
