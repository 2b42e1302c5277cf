"""Reads what is known of applications and has it judged: one application, or a fleet of them in several processes."""
