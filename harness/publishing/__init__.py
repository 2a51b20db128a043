"""What is handed to others: a study as a site or on the Hugging Face Hub, a pool of trained models as plain files."""
