"""Tables and plots for the notebooks."""
