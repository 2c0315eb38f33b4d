"""The core by itself: one file for each of its modules, and the rules that hold for all of them."""
