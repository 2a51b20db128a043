"""Drawn sprites: the grid of dSprites, its harder variants, and CdSprites."""
