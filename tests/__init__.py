"""The tests: one folder for each room of the product, and one for the house itself."""
