"""Whole runs against an endpoint that breaks, and runs that are killed: every record and every paid answer counted."""
