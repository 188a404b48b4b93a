"""Believable traffic for a project: the same for the same seed. All but `send` is pure and knows no clock."""
