"""`/insights/{projectId}/…`: ready-made questions about one project, a module per noun; `routes` gathers them."""
