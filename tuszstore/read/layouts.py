"""Stores whose signal lies in another way than the fast path reads it."""

from tuszstore.store.metadata import StoreMetadata


def unknown_layout(store: StoreMetadata) -> str:
    """Return what the fast path does not know of a store's signal; nothing if it knows it."""
    array = store.signal
    geometry = store.geometry
    codecs = array["codecs"]
    if [codec["name"] for codec in codecs] != ["sharding_indexed"]:
        return "its signal is not sharded"
    sharding = codecs[0]["configuration"]
    block = [len(store.spec.channels), geometry.block]
    shard = array["chunk_grid"]["configuration"]["chunk_shape"]
    if sharding["chunk_shape"] != [1, *block] or shard != [geometry.shard, *block]:
        return "its signal has other chunks or shards"
    chain, index = sharding["codecs"], sharding["index_codecs"]
    if [codec["name"] for codec in chain] not in (
        ["bytes", "crc32c"],
        ["bytes", "blosc", "crc32c"],
    ):
        return "its signal has other codecs"
    if [codec["name"] for codec in index] != ["bytes", "crc32c"]:
        return "its shards have another index"
    if any(part[0]["configuration"]["endian"] != "little" for part in (chain, index)):
        return "its signal is not little-endian"
    if sharding.get("index_location", "end") != "end":
        return "its shards have their index in front"
    if array["chunk_key_encoding"].get("configuration", {}).get("separator", "/") != "/":
        return "its shards have other names"
    return ""
