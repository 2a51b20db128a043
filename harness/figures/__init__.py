"""Figures for papers, drawn by matplotlib: what the page shows, and comparisons over metrics and datasets."""
