"""The dashboard's built files, which `dashboard/` builds from its sources."""
