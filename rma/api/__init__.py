"""HTTP for integrators, under /api/v1."""
