"""Made-up records as people ask for them: :func:`xdmprep.sample`."""

from __future__ import annotations

from typing import Any

from ..core.arguments import COUNT, FLAG, INTEGER, takes
from ..sample import invalid_sample
from ..sample import sample as valid_sample
from ..schema import as_schema


@takes(n=COUNT, seed=INTEGER, invalid=FLAG)
def sample(schema: Any, n: int, *, seed: int = 0, invalid: bool = False) -> list[dict[str, Any]]:
    """Made-up records of a schema.

    Args:
        schema: a Schema or a path.
        n: how many.
        seed: the same seed gives the same records.
        invalid: records that each break a rule of the set ``strict``, where False gives valid ones.

    Returns:
        The records as JSON values.

    Raises:
        SchemaError: no such record could be made; the message says why.
        UsageError: `n` is negative, or an argument has another type.

    Examples:
        >>> [schema.check(record) for record in xp.sample(schema, 2, seed=1)]
        [[], []]
    """
    loaded = as_schema(schema)
    if invalid:
        return [record for record, _ in invalid_sample(loaded, n, seed=seed)]
    return list(valid_sample(loaded, n, seed=seed))
