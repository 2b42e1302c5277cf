"""Files that people or tools hand over, read with the line of every value."""
