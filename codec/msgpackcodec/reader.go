package msgpackcodec

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/tinylib/msgp/msgp"

	"github.com/protomicro/micro/codec/internal/protomap"
)

// The first bytes of values whose reading takes more than asking msgp.
const (
	leadBin32    = 0xc6
	leadExt8     = 0xc7
	leadExt16    = 0xc8
	leadExt32    = 0xc9
	leadFixExt1  = 0xd4
	leadFixExt16 = 0xd8
	leadStr32    = 0xdb

	dateExtension = -1
)

// A reader is the [protomap.Reader] of MessagePack.
type reader struct {
	src, rest []byte
	open      []int // how many elements each open map or list still has to give
}

func (r *reader) Clone() protomap.Reader {
	return &reader{src: r.src, rest: r.rest, open: slices.Clone(r.open)}
}

// end returns an error unless everything was read.
func (r *reader) end() error {
	if len(r.rest) > 0 {
		return r.errorf("%d bytes too many", len(r.rest))
	}
	return nil
}

func (r *reader) errorf(format string, args ...any) error {
	return fmt.Errorf("at byte %d: %w", len(r.src)-len(r.rest), fmt.Errorf(format, args...))
}

func (r *reader) More() (bool, error) {
	last := len(r.open) - 1
	if r.open[last] == 0 {
		r.open = r.open[:last]
		return false, nil
	}
	r.open[last]--
	return true, nil
}

func (r *reader) Key() (protomap.Value, error) { return r.Value() }

func (r *reader) Value() (protomap.Value, error) {
	if err := r.checkLength(); err != nil {
		return protomap.Value{}, err
	}
	v, rest, err := read(r.rest)
	if err != nil {
		if errors.Is(err, msgp.ErrShortBytes) {
			err = errors.New("the encoding ends within a value")
		}
		return protomap.Value{}, r.errorf("%w", err)
	}
	if v.Kind == protomap.Map || v.Kind == protomap.List {
		if err := r.enter(&v, len(rest)); err != nil {
			return protomap.Value{}, err
		}
	}
	r.rest = rest
	return v, nil
}

// checkLength checks the lengths that do not fit in an int of 32 bits.
func (r *reader) checkLength() error {
	if len(r.rest) < 5 {
		return nil
	}
	switch r.rest[0] {
	case leadBin32, leadExt32, leadStr32:
		if n := binary.BigEndian.Uint32(r.rest[1:]); uint64(n) > uint64(len(r.rest)) {
			return r.errorf("a value of %d bytes is announced, and there are %d", n, len(r.rest)-5)
		}
	}
	return nil
}

// enter opens the map or list v, whose header said how many elements it has.
func (r *reader) enter(v *protomap.Value, left int) error {
	if len(r.open) == protomap.MaxDepth {
		return r.errorf("nested more than %d deep", protomap.MaxDepth)
	}
	smallest := v.Int // each element takes a byte at least
	if v.Kind == protomap.Map {
		smallest *= 2
	}
	if smallest > int64(left) {
		return r.errorf("%d elements are announced, and there are %d bytes", v.Int, left)
	}
	r.open = append(r.open, int(v.Int))
	v.Int = 0
	return nil
}

// read reads the value at the start of b. Of maps and lists it reads the header; Int says how many elements they have.
func read(b []byte) (v protomap.Value, rest []byte, err error) {
	var n uint32
	switch kind := msgp.NextType(b); kind {
	case msgp.NilType:
		v.Kind = protomap.Null
		rest, err = msgp.ReadNilBytes(b)
	case msgp.BoolType:
		v.Kind = protomap.Bool
		var yes bool
		if yes, rest, err = msgp.ReadBoolBytes(b); yes {
			v.Int = 1
		}
	case msgp.IntType, msgp.UintType:
		return readInteger(b, kind)
	case msgp.Float32Type, msgp.Float64Type:
		v.Kind = protomap.Float
		v.Float, rest, err = msgp.ReadFloat64Bytes(b)
	case msgp.StrType:
		v.Kind = protomap.Text
		v.Bytes, rest, err = msgp.ReadStringZC(b)
	case msgp.BinType:
		v.Kind = protomap.Binary
		v.Bytes, rest, err = msgp.ReadBytesZC(b)
	case msgp.MapType:
		v.Kind = protomap.Map
		n, rest, err = msgp.ReadMapHeaderBytes(b)
		v.Int = int64(n)
	case msgp.ArrayType:
		v.Kind = protomap.List
		n, rest, err = msgp.ReadArrayHeaderBytes(b)
		v.Int = int64(n)
	case msgp.InvalidType:
		if len(b) == 0 {
			return v, b, msgp.ErrShortBytes
		}
		return v, b, fmt.Errorf("0x%02x begins no value", b[0])
	default:
		return readExtension(b)
	}
	return v, rest, err
}

func readInteger(b []byte, kind msgp.Type) (v protomap.Value, rest []byte, err error) {
	v.Kind = protomap.Int
	if kind == msgp.IntType {
		v.Int, rest, err = msgp.ReadInt64Bytes(b)
		return v, rest, err
	}
	v.Uint, rest, err = msgp.ReadUint64Bytes(b)
	if v.Uint>>63 != 0 {
		v.Kind = protomap.Uint
		return v, rest, err
	}
	v.Int, v.Uint = int64(v.Uint), 0 //nolint:gosec // it fits
	return v, rest, err
}

// readExtension reads a date, and what no field takes.
func readExtension(b []byte) (v protomap.Value, rest []byte, err error) {
	if rest, err = msgp.Skip(b); err != nil { // an extension holds no further values
		return v, b, err
	}
	extension := int8(b[typeAt(b[0])]) //nolint:gosec // the same bits
	v.Name = fmt.Sprintf("an extension of type %d", extension)
	if extension != dateExtension {
		return v, rest, nil
	}
	t, _, err := msgp.ReadTimeBytes(b[:len(b)-len(rest)])
	if err != nil {
		v.Name = "a malformed date"
		return v, rest, nil //nolint:nilerr // it matters where a date is read, and not where it is skipped
	}
	v.Kind, v.Int = protomap.Date, t.Unix()
	v.Nanos = int32(t.Nanosecond()) //nolint:gosec // below 1e9
	return v, rest, nil
}

// typeAt returns where the type of an extension stands.
func typeAt(lead byte) int {
	switch lead {
	case leadExt8:
		return 2
	case leadExt16:
		return 3
	case leadExt32:
		return 5
	}
	return 1
}
