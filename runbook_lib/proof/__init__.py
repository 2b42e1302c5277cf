"""What auditors use: seals over everything that was filed, and the check that names what is not as it was."""
