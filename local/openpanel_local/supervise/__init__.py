"""Keeps processes running: starts them, restarts what died, stops all in order. Knows no engine and no service."""
