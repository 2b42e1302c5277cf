"""All mends that fit together, as one kustomization: choose them, find the least patches, write its files."""
