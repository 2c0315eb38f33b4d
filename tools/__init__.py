"""What is made from the code and kept beside it."""
