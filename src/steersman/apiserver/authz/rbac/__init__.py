"""Role-based access control: rules compiled once, found by subject, answered from memory."""
