"""Stores with a layout of the signal that the fast path does not support."""

from tuszstore.store.metadata import StoreMetadata


def unknown_layout(store: StoreMetadata) -> str:
    """Return why the fast path cannot read a store's signal; empty if it can."""
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
        return "its shards have their index at the start"
    if array["chunk_key_encoding"].get("configuration", {}).get("separator", "/") != "/":
        return "its shards have other names"
    return ""
