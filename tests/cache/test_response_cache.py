"""The response cache is bounded in bytes, evicts what is used least, and keeps nothing outdated."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.cache.response_cache import CachedResponse, CacheKey, ResponseCache
from tests.support.site import NOW

A = CacheKey("/news/a", "html", "")
B = CacheKey("/news/b", "html", "")
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["put", "put", "put", "invalidate", "get", "clear"]),
        st.integers(0, 6),
        st.sampled_from(["html", "json"]),
        st.integers(0, 6_000),
    ),
    max_size=60,
)


@given(STEPS)
def test_the_cache_is_bounded_in_bytes_and_evicts_the_least_recently_used_address(
    steps: list[tuple[str, int, str, int]],
) -> None:
    cache = ResponseCache(20_000, lambda: NOW)
    model: dict[str, dict[str, int]] = {}
    for step, number, format_name, length in steps:
        path = f"/news/{number}"
        key = CacheKey(path, format_name, "")
        if step == "put":
            response = CachedResponse(200, {}, b"x" * length)
            cache.put(key, response, cache.generation)
            model.setdefault(path, {})[format_name] = response.size
            while sum(sum(sizes.values()) for sizes in model.values()) > cache.limit:
                del model[next(iter(model))]
        elif step == "invalidate":
            cache.invalidate([path])
            model.pop(path, None)
        elif step == "get":
            found = cache.get(key)
            assert (found.size if found else None) == model.get(path, {}).get(format_name)
            if path in model:
                model[path] = model.pop(path)
        else:
            cache.clear()
            model.clear()
        assert list(cache) == list(model)
        assert cache.size == sum(sum(sizes.values()) for sizes in model.values())


def test_a_response_larger_than_the_cache_is_not_added() -> None:
    cache = ResponseCache(5_000, lambda: NOW)
    cache.put(A, CachedResponse(200, {}, b"a"), 0)
    cache.put(B, CachedResponse(200, {}, b"b" * 5_000), 0)
    assert list(cache) == ["/news/a"]


def test_a_response_expires_after_the_lifetime() -> None:
    now = NOW
    cache = ResponseCache(5_000, lambda: now, timedelta(seconds=2))
    cache.put(A, CachedResponse(404, {}, b""), 0)
    now += timedelta(seconds=2)
    assert cache.get(A) is not None
    now += timedelta(microseconds=1)
    assert cache.get(A) is None
    assert cache.size == 0


def test_c05_a_response_built_before_an_invalidation_is_not_added_after_it() -> None:
    cache = ResponseCache(1 << 20, lambda: NOW)
    generation = cache.generation
    cache.invalidate(["/news/a"])
    cache.put(A, CachedResponse(200, {}, b"old"), generation)
    assert cache.get(A) is None
