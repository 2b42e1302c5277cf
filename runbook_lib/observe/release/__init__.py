"""A release before it is applied: its objects, and what applying them would change."""
