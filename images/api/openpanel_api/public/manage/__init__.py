"""`/manage`: what a root client may make, change and remove in its organization. One module per noun, each a router."""
