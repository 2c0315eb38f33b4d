"""The commands as an operator types them: processes of their own, against a real daemon."""
