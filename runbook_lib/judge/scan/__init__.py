"""What scanners found in images: of which image, how old, and who answers for what stays."""
