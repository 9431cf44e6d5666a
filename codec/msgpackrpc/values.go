package msgpackrpc

import (
	"math"
	"unicode/utf8"

	"github.com/tinylib/msgp/msgp"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/status"
)

// list returns the elements of the array that b is.

func list(b []byte) (elements [][]byte, ok bool) {
	n, rest, err := msgp.ReadArrayHeaderBytes(b)
	if err != nil || uint64(n) > uint64(len(rest)) {
		return nil, false
	}
	for range n {
		end := valueEnd(rest)
		if end < 0 || len(elements) == maxElements {
			return nil, false
		}
		elements = append(elements, rest[:end:end])
		rest = rest[end:]
	}
	return elements, true
}

const maxElements = 10_000 // of an array that is not part of a message

// members calls visit with the members of the map at the start of b, or the beginning of one, whose keys are strings. It
// tells whether b is one map.
func members(b []byte, visit func(key string, value []byte)) bool {
	n, rest, err := msgp.ReadMapHeaderBytes(b)
	if err != nil {
		return false
	}
	for range n {
		key, after, err := msgp.ReadStringZC(rest)
		if err != nil {
			return false
		}
		end := valueEnd(after)
		if end < 0 {
			return false
		}
		visit(string(key), after[:end:end])
		rest = after[end:]
	}
	return len(rest) == 0
}

// number returns the number that b is, from 0 to most.
func number(b []byte, most uint64) (uint64, bool) {
	n, rest, err := msgp.ReadUint64Bytes(b)
	return n, err == nil && len(rest) == 0 && n <= most
}

// identity returns an id in its shortest form, or nil if it is none.
func identity(b []byte) []byte {
	n, ok := number(b, math.MaxUint32)
	if !ok {
		return nil
	}
	return msgp.AppendUint32(nil, uint32(n)) //nolint:gosec // it is in range
}

func text(b []byte) (string, bool) {
	s, rest, err := msgp.ReadStringZC(b)
	if err != nil || len(rest) > 0 || !utf8.Valid(s) {
		return "", false
	}
	return string(s), true
}

// parseMeta reads a map whose members are values of metadata or arrays of them.
func parseMeta(b []byte) (meta codec.Meta, err *status.Error) {
	ok := members(b, func(key string, value []byte) {
		values, isList := list(value)
		if !isList {
			values = [][]byte{value}
		}
		for _, v := range values {
			s, rest, e := msgp.ReadStringZC(v)
			if e != nil {
				s, rest, e = msgp.ReadBytesZC(v)
			}
			if e != nil || len(rest) > 0 {
				err = status.Errorf(status.InvalidArgument, "metadata %.64q: a value is neither a string nor binary", key)
				return
			}
			field := codec.Field{Key: key, Value: string(s)}
			if codec.Reserved(key) {
				return
			}
			if e := (codec.Meta{field}).Check(); e != nil {
				err = status.From(e)
				return
			}
			meta = append(meta, field)
		}
	})
	if !ok && err == nil {
		err = status.Errorf(status.InvalidArgument, "metadata is not a map")
	}
	return meta, err
}
