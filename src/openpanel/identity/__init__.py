"""Who did it: device ids and their salts, session ids, persons, and the secrets of clients.

Pure functions; the clock, the salts and fresh randomness are given by the caller.
"""
