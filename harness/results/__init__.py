"""What a study leaves on a disk or at a URL, and how far it has come."""
