"""What a measurement says, as tables: one module for each."""
