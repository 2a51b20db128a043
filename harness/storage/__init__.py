"""Bytes on a disk or at a URL: written whole, checked when read, locked while used."""
