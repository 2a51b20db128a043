"""Reading the file formats that datasets are published in."""
