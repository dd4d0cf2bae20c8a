"""What the program says while each thing that can happen to it happens; docs/what-it-says.md is made from it."""
