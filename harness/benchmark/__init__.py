"""How fast training is: speed, memory and energy, beside what the device could do."""
