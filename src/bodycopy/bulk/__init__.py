"""Many pages at once: what `bodycopy clean` does with folders, JSON Lines, Parquet and WARC.

`sources` says where pages come from, `cleaner` what is made of each, `pool` does that on all cores, `sinks` says where
it goes, and `batch` is a whole run, which can be broken off and gone on with.
"""
