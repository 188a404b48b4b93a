"""One file per command of `openpanel`: options, one call that returns a value, and its rendering."""
