"""Where trials run: worker processes on this machine's cores and GPUs."""
