"""Sixteen integers as one value in kernels: what LLVM calls vectors, with Python's operators.

A kernel that decodes sixteen rows side by side is written as if it decoded one: a name stands for
sixteen integers of 32 or 64 bits (`Vector`) or sixteen truth values (`Mask`). LLVM turns them into
AVX-512, AVX2, NEON or scalar instructions, whatever the machine has. Arithmetic wraps; `>>` keeps
the sign; an integer beside a vector stands for sixteen equal ones. There is no Python fallback:
none of this can be called outside a kernel.

Indices count elements, are not negative, and are only checked where Numba's own are: with
NUMBA_BOUNDSCHECK=1.
"""

import operator

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model
from numba.np import arrayobj

WIDTH = 16  # lanes of a vector


class Vector(types.Type):
    """Numba's type of sixteen integers of so many bits."""

    def __init__(self, bits):
        self.bits = bits
        super().__init__(name=f"int{bits}x{WIDTH}")


class Mask(types.Type):
    """Numba's type of sixteen truth values."""

    bits = 1

    def __init__(self):
        super().__init__(name=f"maskx{WIDTH}")


INT32, MASK = Vector(32), Mask()


@register_model(Vector)
@register_model(Mask)
class _Model(models.PrimitiveModel):
    def __init__(self, manager, kind):
        super().__init__(manager, kind, _type(kind.bits))


def _type(bits):
    return ir.VectorType(ir.IntType(bits), WIDTH)


def _constant(bits, value):
    return ir.Constant(_type(bits), [value] * WIDTH)


def _undefined(bits):
    return ir.Constant(_type(bits), ir.Undefined)


def _everywhere(builder, value, bits):
    """An integer of LLVM in all lanes."""
    width, target = value.type.width, ir.IntType(bits)
    if width != bits:
        value = builder.trunc(value, target) if width > bits else builder.sext(value, target)
    first = builder.insert_element(_undefined(bits), value, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(first, _undefined(bits), _constant(32, 0))


def _alike(builder, kinds, args):
    """Arguments as vectors of the width that the first vector among them has."""
    bits = next(kind.bits for kind in kinds if isinstance(kind, Vector | Mask))
    return [
        value if isinstance(kind, Vector | Mask) else _everywhere(builder, value, bits)
        for kind, value in zip(kinds, args, strict=True)
    ]


def _common(one, other):
    """Type of a vector beside another one of its kind, or beside an integer; else None."""
    if isinstance(one, Vector) and (one == other or isinstance(other, types.Integer)):
        return one
    if isinstance(other, Vector) and isinstance(one, types.Integer):
        return other
    return MASK if one == other == MASK else None


def _operator(symbol, build, result=None):
    """Teach Numba one of Python's binary operators; comparisons have the result MASK."""

    class Template(AbstractTemplate):
        def generic(self, args, kws):  # noqa: ARG002  Numba's signature
            common = _common(*args) if len(args) == 2 else None
            return common and signature(result or common, *args)

    def lower(context, builder, sig, args):
        return build(builder, *_alike(builder, sig.args, args))

    infer_global(symbol)(Template)
    for kinds in ((Vector, Vector), (Vector, types.Integer), (types.Integer, Vector), (Mask, Mask)):
        lower_builtin(symbol, *kinds)(lower)


for _add in (operator.add, operator.iadd):
    _operator(_add, lambda builder, a, b: builder.add(a, b))
for _subtract in (operator.sub, operator.isub):
    _operator(_subtract, lambda builder, a, b: builder.sub(a, b))
_operator(operator.mul, lambda builder, a, b: builder.mul(a, b))
_operator(operator.and_, lambda builder, a, b: builder.and_(a, b))
_operator(operator.or_, lambda builder, a, b: builder.or_(a, b))
_operator(operator.lshift, lambda builder, a, b: builder.shl(a, b))
_operator(operator.rshift, lambda builder, a, b: builder.ashr(a, b))
_operator(operator.eq, lambda builder, a, b: builder.icmp_signed("==", a, b), MASK)
_operator(operator.lt, lambda builder, a, b: builder.icmp_signed("<", a, b), MASK)
_operator(operator.gt, lambda builder, a, b: builder.icmp_signed(">", a, b), MASK)
_operator(operator.ge, lambda builder, a, b: builder.icmp_signed(">=", a, b), MASK)


def _check(context, builder, kind, array, first, last):
    """What Numba does before it indexes an array, where that is asked for."""
    if context.enable_boundscheck:
        size = cgutils.unpack_tuple(builder, array.shape, 1)[0]
        size = builder.mul(size, ir.Constant(size.type, kind.dtype.bitwidth // 8))
        for index in (first, last):
            cgutils.do_boundscheck(context, builder, index, size, axis=0)


def _address(context, builder, kind, array, index, size):
    """Where `size` bytes from element `index` of an array on begin."""
    found = arrayobj.make_array(kind)(context, builder, array)
    width = kind.dtype.bitwidth // 8
    first = builder.mul(index, ir.Constant(index.type, width))
    last = builder.add(first, ir.Constant(index.type, size - 1))
    _check(context, builder, kind, found, first, last)
    return builder.gep(found.data, [index])


def _gather(context, builder, kind, array, indices, bits, step):
    """Integers of `bits` bits at addresses `step` bytes apart; indices are a vector."""
    found = arrayobj.make_array(kind)(context, builder, array)
    indices = builder.sext(indices, _type(64)) if indices.type != _type(64) else indices
    for lane in range(WIDTH if context.enable_boundscheck else 0):
        index = builder.extract_element(indices, ir.Constant(ir.IntType(32), lane))
        first = builder.mul(index, ir.Constant(index.type, step))
        last = builder.add(first, ir.Constant(index.type, bits // 8 - 1))
        _check(context, builder, kind, found, first, last)
    places = builder.gep(found.data, [indices], source_etype=ir.IntType(8 * step))
    places.type = ir.VectorType(ir.IntType(bits).as_pointer(), WIDTH)
    result = _type(bits)
    every = ir.Constant(_type(1), [1] * WIDTH)
    function = ir.FunctionType(result, [places.type, ir.IntType(32), _type(1), result])
    name = f"llvm.masked.gather.v{WIDTH}i{bits}.v{WIDTH}p0"
    gather_ = cgutils.get_or_insert_function(builder.module, function, name)
    align = ir.Constant(ir.IntType(32), min(step, bits // 8))
    return builder.call(gather_, [places, align, every, _undefined(bits)])


@intrinsic
def load(context, array, index):
    """Elements index .. index + 15 of an array of int32, int64 or uint16, which gets 32 bits."""
    bits = array.dtype.bitwidth
    result = Vector(max(bits, 32))

    def build(context, builder, sig, args):
        place = _address(context, builder, sig.args[0], *args, WIDTH * bits // 8)
        value = builder.load(builder.bitcast(place, _type(bits).as_pointer()), align=bits // 8)
        return builder.zext(value, _type(32)) if bits < 32 else value

    return result(array, index), build


@intrinsic
def store(context, array, index, vector):
    """Elements index .. index + 15 of an array of the vector's width, narrower, or float32."""
    bits = array.dtype.bitwidth

    def build(context, builder, sig, args):
        place = _address(context, builder, sig.args[0], args[0], args[1], WIDTH * bits // 8)
        value = args[2]
        if array.dtype == types.float32:
            value = builder.sitofp(value, ir.VectorType(ir.FloatType(), WIDTH))
        elif bits < vector.bits:
            value = builder.trunc(value, _type(bits))
        builder.store(value, builder.bitcast(place, value.type.as_pointer()), align=bits // 8)
        return context.get_dummy_value()

    return types.void(array, index, vector), build


@intrinsic
def gather(context, array, indices):
    """Elements of a 32-bit or 64-bit array at a vector of indices."""
    result = Vector(array.dtype.bitwidth)

    def build(context, builder, sig, args):
        return _gather(context, builder, sig.args[0], *args, result.bits, result.bits // 8)

    return result(array, indices), build


@intrinsic
def gather_bytes(context, array, offsets):
    """Four bytes each from a vector of offsets into a uint8 array on, which ends 3 bytes later."""

    def build(context, builder, sig, args):
        return _gather(context, builder, sig.args[0], *args, 32, 1)

    return INT32(array, offsets), build


@intrinsic
def expand(context, words, index, mask):
    """Words index, index + 1, ... of a uint16 array for the lanes of a mask in turn; else 0."""

    def build(context, builder, sig, args):
        place = _address(context, builder, sig.args[0], args[0], args[1], 2 * WIDTH)
        result = _type(16)
        function = ir.FunctionType(result, [place.type, _type(1), result])
        name = f"llvm.masked.expandload.v{WIDTH}i16"
        expand_ = cgutils.get_or_insert_function(builder.module, function, name)
        return builder.zext(builder.call(expand_, [place, args[2], _constant(16, 0)]), _type(32))

    return INT32(words, index, mask), build


@intrinsic
def compress(context, words, index, mask, vector):
    """Inverse of expand: the lowest 16 bits of the lanes of a mask."""

    def build(context, builder, sig, args):
        place = _address(context, builder, sig.args[0], args[0], args[1], 2 * WIDTH)
        value = builder.trunc(args[3], _type(16))
        function = ir.FunctionType(ir.VoidType(), [value.type, place.type, _type(1)])
        name = f"llvm.masked.compressstore.v{WIDTH}i16"
        compress_ = cgutils.get_or_insert_function(builder.module, function, name)
        builder.call(compress_, [value, place, args[2]])
        return context.get_dummy_value()

    return types.void(words, index, mask, vector), build


@intrinsic
def select(context, mask, one, other):
    """`one` in the lanes of a mask, `other` elsewhere."""

    def build(context, builder, sig, args):
        return builder.select(args[0], *_alike(builder, sig.args[1:], args[1:]))

    return _common(one, other)(mask, one, other), build


def _operation(result, kinds, generate):
    """An operation on values alone; integers beside vectors are spread out first."""

    def build(context, builder, sig, args):
        return generate(builder, *(_alike(builder, sig.args, args) if args else args))

    return result(*kinds), build


@intrinsic
def lanes_of(context, mask):
    """A mask as an integer: bit k is lane k."""

    def generate(builder, a):
        return builder.zext(builder.bitcast(a, ir.IntType(WIDTH)), ir.IntType(64))

    return _operation(types.int64, (mask,), generate)


@intrinsic
def count(context, mask):
    """Lanes of a mask."""

    def generate(builder, a):
        number = builder.ctpop(builder.bitcast(a, ir.IntType(WIDTH)))
        return builder.zext(number, ir.IntType(64))

    return _operation(types.int64, (mask,), generate)


@intrinsic
def lane_sum(context, vector):
    """Sum of all lanes, in the vector's width."""
    name = f"llvm.vector.reduce.add.v{WIDTH}i{vector.bits}"

    def generate(builder, a):
        function = ir.FunctionType(ir.IntType(vector.bits), [a.type])
        reduce = cgutils.get_or_insert_function(builder.module, function, name)
        return builder.sext(builder.call(reduce, [a]), ir.IntType(64))

    return _operation(types.int64, (vector,), generate)


@intrinsic
def logical_shift(context, vector, places):
    """`>>` of unsigned integers."""
    return _operation(vector, (vector, places), lambda builder, a, b: builder.lshr(a, b))


@intrinsic
def below(context, vector, other):
    """`<` of unsigned integers."""
    return _operation(MASK, (vector, other), lambda builder, a, b: builder.icmp_unsigned("<", a, b))


@intrinsic
def magnitude(context, vector):
    """Absolute values."""

    def generate(builder, a):
        nothing = _constant(vector.bits, 0)
        return builder.select(builder.icmp_signed("<", a, nothing), builder.sub(nothing, a), a)

    return _operation(vector, (vector,), generate)


@intrinsic
def resized(context, vector, other):
    """A vector, signed, in the width of another one or of the elements of an array."""
    width = other.bits if isinstance(other, Vector) else other.dtype.bitwidth

    def build(context, builder, sig, args):
        if vector.bits == width:
            return args[0]
        resize = builder.sext if vector.bits < width else builder.trunc
        return resize(args[0], _type(width))

    return Vector(width)(vector, other), build


@intrinsic
def narrowed(context, vector):
    """The lowest 32 bits of each lane."""

    def generate(builder, a):
        return a if vector.bits == 32 else builder.trunc(a, _type(32))

    return _operation(INT32, (vector,), generate)


@intrinsic
def quotient(context, vector, divisor):
    """Floored quotients of unsigned 32-bit integers, exact where they are below 2**20.

    In binary32 they are off by less than one; the remainder tells in which direction.
    """
    single = ir.VectorType(ir.FloatType(), WIDTH)

    def generate(builder, a, b):
        ratio = builder.fdiv(builder.uitofp(a, single), builder.uitofp(b, single))
        guess = builder.fptosi(ratio, _type(32))
        rest = builder.sub(a, builder.mul(guess, b))
        less = builder.sext(builder.icmp_signed("<", rest, _constant(32, 0)), _type(32))
        more = builder.sext(builder.icmp_signed(">=", rest, b), _type(32))
        return builder.sub(builder.add(guess, less), more)

    return _operation(vector, (vector, divisor), generate)


@intrinsic
def lane_numbers(context):
    """0, 1, ... 15."""
    return _operation(INT32, (), lambda _: ir.Constant(_type(32), list(range(WIDTH))))


@intrinsic
def everywhere(context, value):
    """An integer, in 32 bits, in all lanes."""

    def build(context, builder, sig, args):
        return _everywhere(builder, args[0], 32)

    return INT32(value), build


@intrinsic
def dot(context, vector, other):
    """Sums of the products of the two signed halves of 16 bits of 32-bit integers."""
    halves = ir.VectorType(ir.IntType(16), 2 * WIDTH)
    wide = ir.VectorType(ir.IntType(32), 2 * WIDTH)

    def generate(builder, a, b):
        one, two = (builder.sext(builder.bitcast(value, halves), wide) for value in (a, b))
        products, nothing = builder.mul(one, two), ir.Constant(wide, ir.Undefined)
        even, odd = (
            ir.Constant(_type(32), list(range(start, 2 * WIDTH, 2))) for start in (0, 1)
        )
        return builder.add(
            builder.shuffle_vector(products, nothing, even),
            builder.shuffle_vector(products, nothing, odd),
        )

    return _operation(INT32, (vector, other), generate)
