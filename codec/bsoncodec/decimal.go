package bsoncodec

import (
	"math"
	"math/bits"

	"github.com/protomicro/micro/codec/internal/protomap"
)

const (
	decimalBias = 6176              // is added to exponents
	decimalOne  = decimalBias << 49 // the high half of a decimal128 that is an integer below 2^64
)

// readDecimal returns a decimal128 as an integer, if it is one of up to 64 bits.
func readDecimal(high, low uint64) protomap.Value {
	no := protomap.Value{Name: "a decimal that is no integer of 64 bits"}
	const special = 3 << 61 // infinities, NaN, and numbers of more digits than there may be
	if high&special == special {
		return no
	}
	exponent := int(high>>49&(1<<14-1)) - decimalBias
	n, ok := scale(high&(1<<49-1), low, exponent)
	negative := high>>63 != 0
	switch {
	case !ok || negative && n > -math.MinInt64:
		return no
	case negative:
		return protomap.Value{Kind: protomap.Int, Int: -int64(n)} //nolint:gosec // -2^63 is its own negative
	case n > math.MaxInt64:
		return protomap.Value{Kind: protomap.Uint, Uint: n}
	}
	return protomap.Value{Kind: protomap.Int, Int: int64(n)}
}

// scale returns the integer of 128 bits times ten to the power of exponent, and whether that is an integer of 64 bits.
func scale(high, low uint64, exponent int) (uint64, bool) {
	if high == 0 && low == 0 {
		return 0, true
	}
	for ; exponent < 0; exponent++ {
		var rest uint64
		high, rest = high/10, high%10
		if low, rest = bits.Div64(rest, low, 10); rest != 0 {
			return 0, false
		}
	}
	for ; exponent > 0 && high == 0; exponent-- {
		high, low = bits.Mul64(low, 10)
	}
	return low, high == 0
}
