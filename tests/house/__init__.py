"""The rules that every test run keeps, as plug-ins of pytest, and their own tests."""
