"""The dashboard: pages and their fragments."""
