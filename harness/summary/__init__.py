"""The tables of a results folder, made from the records of its trials."""
