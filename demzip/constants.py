"""Numbers of the format (docs/format.md section 2); none may change within a version."""

# Geometry of a block
MARGIN = 3  # cells that the largest template reaches beyond the current one: left, right and up
SEGMENT = 16  # columns that share one weight set
LANES = 16  # rows of a block that are coded side by side: row r >= 1 in lane (r - 1) % LANES
LAG = 16  # columns that each of them is behind the row above
MIN_PERIOD = LANES * LAG + SEGMENT  # steps from the start of a row to that of its lane's next one

# Prediction
TEMPLATE_ABOVE = 21  # taps in the three rows above, 7 in each
TEMPLATE_WEST = 3  # W, WW, WWW
TEMPLATE_SIZE = TEMPLATE_ABOVE + TEMPLATE_WEST
WEIGHT_BITS = 12  # weights are multiples of 2**-12
WEIGHT_ONE = 1 << WEIGHT_BITS
MAX_SETS = 8  # weight sets of one block
PATTERNS = 3**5  # signs of five differences, each of which may have an offset of its own
OFFSET_SHIFT = 8  # offsets are multiples of 2**-4: of 2**8 units of a sum over the template
MAX_OFFSET = 127  # magnitude of the largest

# Contexts
ACTIVITY_LEVELS = 4096  # an activity's level is min(activity >> the raster's shift, 4095)
MAX_ACTIVITY_SHIFT = 48
BINS = 32  # activity bins of a raster
SUBCONTEXTS = 8  # four quarters of the prediction's fraction, four patterns of flat ground
FLAT = 4  # first of the subcontexts of flat ground
CONTEXTS = BINS * SUBCONTEXTS
MAX_CLUSTERS = 64  # contexts share frequency tables

# Entropy coding
TABLE_BITS = 12  # frequencies of a table sum to 4096
TABLE_TOTAL = 1 << TABLE_BITS
SIDE_TOKENS = 56  # tokens of one sign: 16 of width 1, then 8 for each octave up to 512
NARROW = 16  # magnitudes of quotients below have a token of their own
SIDE_REACH = 512  # first |residual >> shift| without a token
TOKENS = 2 * SIDE_TOKENS
ESCAPE = 127  # symbol that stands for every other residual
OPEN_ESCAPE = 63  # and what stands where others have the number of bits they leave open
SYMBOL_BITS = 7
STATE_BITS = 16  # a lane's state is at least 2**16 between symbols, and is refilled by 16 bits
ESCAPE_LENGTH_BITS = 6  # an escaped residual: its length in bits, then its folded value
MAX_SHIFT = 21  # uncoded low bits that all residuals of a table have

# True floats
PITCH_BITS = 20  # a lattice's pitch counts 2**-20 heights
NOWHERE, AT_ZERO, AT_NEIGHBOURS = 0, 1, 2  # where lattices are anchored
