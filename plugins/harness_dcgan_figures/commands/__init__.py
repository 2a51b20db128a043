"""The commands `arithmetic`, `filters` and `forget`."""
