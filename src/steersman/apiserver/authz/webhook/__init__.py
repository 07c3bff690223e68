"""Asking another server whether somebody may, by SubjectAccessReview."""
