"""What clients send and get back: structs, limits, rules for event names, refusals with their exact texts.

`decode` turns the bytes of a body into a call or raises a refusal, `messages` has the structs that the worker
reads the same bytes with. Pure: no socket, no store, no clock.
"""
