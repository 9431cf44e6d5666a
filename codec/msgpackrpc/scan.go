package msgpackrpc

import (
	"encoding/binary"
	"math"
)

// A shape is what the head of a value says: how many bytes follow, and how many values.
type shape struct {
	bytes    uint64
	children uint64
}

// headLen returns how many bytes the head of a value has that begins with b, and 0 if no value does.
func headLen(b byte) int {
	switch {
	case b < 0xc0 || b >= 0xe0:
		return 1
	case b == 0xc1:
		return 0
	}
	return [...]int{
		0xc0: 1, 0xc2: 1, 0xc3: 1, 0xc4: 2, 0xc5: 3, 0xc6: 5, 0xc7: 2, 0xc8: 3, 0xc9: 5, 0xca: 1, 0xcb: 1, 0xcc: 1, 0xcd: 1,
		0xce: 1, 0xcf: 1, 0xd0: 1, 0xd1: 1, 0xd2: 1, 0xd3: 1, 0xd4: 1, 0xd5: 1, 0xd6: 1, 0xd7: 1, 0xd8: 1, 0xd9: 2, 0xda: 3,
		0xdb: 5, 0xdc: 3, 0xdd: 5, 0xde: 3, 0xdf: 5,
	}[b]
}

// shapeOf reads a whole head.
func shapeOf(head []byte) shape {
	n := uint64(0)
	switch b := head[1:]; len(b) {
	case 1:
		n = uint64(b[0])
	case 2:
		n = uint64(binary.BigEndian.Uint16(b))
	case 4:
		n = uint64(binary.BigEndian.Uint32(b))
	}
	switch b := head[0]; {
	case b < 0x80 || b >= 0xe0: // a number
		return shape{}
	case b < 0x90:
		return shape{children: 2 * uint64(b&0x0f)}
	case b < 0xa0:
		return shape{children: uint64(b & 0x0f)}
	case b < 0xc0:
		return shape{bytes: uint64(b & 0x1f)}
	case b < 0xc4: // nil or a bool
		return shape{}
	case b < 0xc7, b >= 0xd9 && b < 0xdc: // bytes or a string
		return shape{bytes: n}
	case b < 0xca: // an extension has a type
		return shape{bytes: n + 1}
	case b < 0xcc:
		return shape{bytes: 4 << (b & 1)} // 0xca and 0xcb are floats
	case b < 0xd4:
		return shape{bytes: 1 << (b & 3)} // 0xcc to 0xcf and 0xd0 to 0xd3 are integers
	case b < 0xd9:
		return shape{bytes: 1<<(b-0xd4) + 1}
	case b < 0xde:
		return shape{children: n}
	}
	return shape{children: 2 * n}
}

const maxValues = 1 << 40 // within each other; nobody has that many

// valueEnd returns the length of the value at the start of b, or -1 if it does not end there. However deep values are
// nested, it needs no memory.
func valueEnd(b []byte) int {
	pos := 0
	for left := uint64(1); left > 0; left-- {
		if pos >= len(b) {
			return -1
		}
		n := headLen(b[pos])
		if n == 0 || n > len(b)-pos {
			return -1
		}
		s := shapeOf(b[pos : pos+n])
		pos += n
		if s.bytes > uint64(len(b)-pos) || left+s.children > math.MaxInt32 { //nolint:gosec // pos is within b
			return -1
		}
		pos += int(s.bytes) //nolint:gosec // it is within b
		left += s.children
	}
	return pos
}
