"""The knobs that move users between the sides, one file a knob."""
