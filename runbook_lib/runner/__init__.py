"""What executes notebooks: kernels, an engine with a truthful status, the order of steps, what the terminal shows."""
