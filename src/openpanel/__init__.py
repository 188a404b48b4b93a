"""The domain of the analytics platform: it knows no web framework, no operator and no job queue."""
