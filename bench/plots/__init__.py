"""What a measurement says, as pictures: one module for each kind of result, each a pure function to a Figure."""
