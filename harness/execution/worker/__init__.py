"""The worker process: it does one job, reports in JSON lines, and ends."""
