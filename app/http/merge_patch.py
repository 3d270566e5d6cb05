"""JSON Merge Patch (RFC 7396)."""


def merge_patch(target: object, patch: object) -> object:
    """Return `target` with `patch` applied; neither is changed.

    Members that are null in the patch are removed, objects are merged, other values replaced.
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
