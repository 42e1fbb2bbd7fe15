"""One module per resource; each function answers one request and decides nothing else."""
