"""Custom resources: definitions become rows in the table of what is served, at run time.

lifecycle   follows definitions: conditions, serving, clean-up
naming      pure: who gets which names, and the conditions that say so
version     pure: one version of a definition, and what its schema says
view        a served version; strategy, scale, checks: what is special about its objects
rules       the CEL rules of a schema, evaluated over objects
conversion  versions converted by a webhook
"""
