"""The one-machine form: embedded engines, supervision and the `openpanel` command."""
