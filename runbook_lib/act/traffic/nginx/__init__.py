"""nginx: `split_clients` shares and `upstream` weights, in a file here, behind SSH, or in a repository."""
