"""The locks that keep a second daemon from acting."""
