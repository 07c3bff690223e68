"""Server-side apply and the ownership of fields.

- `apply`: one manager states what it wants; the result has it, or a Conflict says who disagrees;
- `track`: every other write, so that ownership stays true.

`fieldset` is the algebra of sets of fields, `walk` makes them from objects and schemas, `entries` is
managedFields.
"""

from steersman.api.patch.apply.server_side import apply
from steersman.api.patch.apply.track import track

__all__ = ["apply", "track"]
