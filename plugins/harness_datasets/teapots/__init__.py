"""3D Teapots, drawn and as published."""
