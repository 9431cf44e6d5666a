package protorpc

import (
	"encoding/binary"
	"errors"
	"fmt"
)

const (
	magic       = "\x89PRPC\r\n" // a byte that is no text, the name, and a line end that a text channel would change
	version     = 1
	headerLen   = 12
	maxPayload  = 256 << 10 // of a frame
	maxFragment = 64 << 10  // of a message in one frame, as this implementation sends it
	frameCost   = 256       // what a frame with a message, or a part of one, costs beside the bytes it carries
)

// Types of frames.
const (
	typeCall     = 1 // carries a call: head, messages, outcome
	typeReset    = 2 // ends a call in both directions
	typeWindow   = 3 // lets the peer send more
	typePing     = 4 // asks for a sign of life
	typeGoAway   = 5 // no further calls
	typeSettings = 6 // what the sender accepts; first and once
)

// Flags of a call frame, in the order of the sections of its payload, and of a ping.
const (
	flagHead = 1 << iota // a head section comes first
	flagTail             // a tail section follows
	flagMsg              // the rest of the payload belongs to a message
	flagMore             // the message goes on in a further frame
	flagEnd              // the sender sends no further message

	flagAck = 1 // of a ping: this is the answer
)

// A frame is one unit on the wire. Its payload is valid until the next frame is read.
type frame struct {
	typ, flags byte
	id         uint64 // of the call, 48 bits; 0 for the connection
	payload    []byte
}

func appendHeader(dst []byte, length int, typ, flags byte, id uint64) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(length)) //nolint:gosec // at most maxPayload
	return binary.BigEndian.AppendUint64(dst, uint64(typ)<<56|uint64(flags)<<48|id)
}

// parseHeader reads the header at the start of b, which has at least headerLen bytes.
func parseHeader(b []byte) (f frame, length int, err error) {
	n := binary.BigEndian.Uint32(b)
	f = frame{typ: b[4], flags: b[5], id: binary.BigEndian.Uint64(b[4:]) & (1<<48 - 1)}
	if n > maxPayload {
		return f, 0, broken("a frame of %d bytes, more than %d", n, maxPayload)
	}
	return f, int(n), nil
}

// sections splits the payload of a call frame. Which of them are there, the flags tell; the others are nil.
func (f *frame) sections() (head, tail, body []byte, err error) {
	rest := f.payload
	if f.flags&flagHead != 0 {
		if head, rest, err = section(rest); err != nil {
			return nil, nil, nil, err
		}
	}
	if f.flags&flagTail != 0 {
		if tail, rest, err = section(rest); err != nil {
			return nil, nil, nil, err
		}
	}
	switch {
	case f.flags >= flagEnd<<1:
		return nil, nil, nil, broken("a call frame with unknown flags %#x", f.flags)
	case f.flags&flagMsg == 0 && len(rest) > 0:
		return nil, nil, nil, broken("a call frame with %d bytes past its sections", len(rest))
	case f.flags&flagMore != 0 && (f.flags&flagMsg == 0 || f.flags&flagEnd != 0):
		return nil, nil, nil, broken("a call frame that promises more of a message, with flags %#x", f.flags)
	case f.flags&flagTail != 0 && f.flags&flagEnd == 0:
		return nil, nil, nil, broken("a call frame with an outcome but not the last")
	}
	return head, tail, rest, nil
}

func section(b []byte) (block, rest []byte, err error) {
	if len(b) < 4 {
		return nil, nil, broken("a call frame cut short in the length of a section")
	}
	n := binary.BigEndian.Uint32(b)
	if int64(n) > int64(len(b)-4) {
		return nil, nil, broken("a section of %d bytes in a frame that has %d left", n, len(b)-4)
	}
	return b[4 : 4+n : 4+n], b[4+n:], nil
}

// errBroken is in the chain of every error that says how the peer broke the protocol.
var errBroken = errors.New("protorpc: the peer broke the protocol")

func broken(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errBroken, fmt.Sprintf(format, args...))
}

// protocolError returns err if it says that the peer broke the protocol, and otherwise nil.
func protocolError(err error) error {
	if errors.Is(err, errBroken) {
		return err
	}
	return nil
}

const maxWindow = 1<<31 - 1

func appendWindow(dst []byte, n int) []byte {
	return binary.BigEndian.AppendUint32(dst, uint32(n)) //nolint:gosec // at most maxWindow
}

func parseWindow(b []byte) (int, error) {
	if len(b) != 4 {
		return 0, broken("a window frame of %d bytes", len(b))
	}
	return int(binary.BigEndian.Uint32(b)), nil
}
