"""The worker: drains streams into the warehouse and runs jobs."""
