"""JSON Merge Patch (RFC 7396): pure."""


def merge_patch(target: object, patch: object) -> object:
    """Return what `patch` makes of `target`, neither of which changes.

    Members that are null in the patch are taken away, objects are merged, all else is replaced.
    """
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge_patch(result.get(name), value)
    return result
