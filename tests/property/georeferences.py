"""Metadata for hypothesis: any that a file can hold, sense or nonsense."""

from hypothesis import strategies as st

from demzip.raster.georeference import Band, Georeference, GroundControlPoint

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
maybe = st.none() | texts
spaces = st.dictionaries(texts, st.dictionaries(texts, texts, max_size=2), max_size=2)
numbers = st.floats(allow_subnormal=True)
wide = st.integers(-(1 << 63), (1 << 64) - 1).map(lambda n: n if float(n) != n else float(n))
colors = st.tuples(*[st.integers(-(1 << 15), (1 << 15) - 1)] * 4)
bands = st.builds(
    Band, nodata=st.none() | numbers | wide, units=maybe, description=maybe, scale=numbers,
    offset=numbers, color_interpretation=maybe, tags=spaces,
    color_table=st.none() | st.lists(colors, max_size=3).map(tuple),
)  # fmt: skip
points = st.builds(GroundControlPoint, *[numbers] * 5, texts, texts)
georeferences = st.builds(
    Georeference, crs=maybe, transform=st.none() | st.tuples(*[numbers] * 6),
    gcps=st.lists(points, max_size=3).map(tuple), gcps_crs=maybe, tags=spaces, mask=st.booleans(),
    overviews=st.lists(st.integers(2, 1 << 24), max_size=4, unique=True).map(tuple),
    overview_resampling=maybe,
    bands=st.lists(bands, min_size=1, max_size=3).map(tuple) | bands.map(lambda band: (band,) * 3),
)  # fmt: skip
