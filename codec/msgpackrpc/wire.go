package msgpackrpc

import (
	"errors"
	"io"

	"github.com/tinylib/msgp/msgp"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/internal/objectrpc"
)

const keepBytes = 256 << 10 // a buffer that has grown larger is not kept

// A wire is the objectrpc.Wire of MessagePack-RPC.
type wire struct {
	r   *objectrpc.Reader
	lim codec.Limits
	buf []byte
}

func newWire(r *objectrpc.Reader, lim codec.Limits) objectrpc.Wire { return &wire{r: r, lim: lim} }

// Next implements objectrpc.Wire.
func (w *wire) Next(f *objectrpc.Frame) error {
	*f = objectrpc.Frame{}
	if err := w.r.Begin(); err != nil {
		return err
	}
	if cap(w.buf) > keepBytes {
		w.buf = nil
	}
	w.buf = w.buf[:0]
	whole, err := w.read()
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	if err != nil {
		return err
	}
	if whole {
		return decode(f, w.buf, w.lim)
	}
	return decodeCut(f, w.buf, w.lim)
}

// read reads a value, and tells whether there was room for all of it.
func (w *wire) read() (whole bool, err error) {
	whole = true
	for left := uint64(1); left > 0; left-- {
		first, err := w.r.Peek(1)
		if err != nil {
			return false, err
		}
		n := headLen(first[0])
		if n == 0 {
			return false, objectrpc.Broken("a value that begins with %#x, with which none does", first[0])
		}
		head, err := w.r.Peek(n)
		if err != nil {
			return false, err
		}
		s := shapeOf(head)
		if left += s.children; left > maxValues {
			return false, objectrpc.Broken("more than %d values within each other", uint64(maxValues))
		}
		room, err := w.take(uint64(n) + s.bytes) //nolint:gosec // n is 1 to 5
		if err != nil {
			return false, err
		}
		whole = whole && room
	}
	return whole, nil
}

// take keeps n bytes, as far as there is room, and passes over the rest. Memory is taken as bytes come.
func (w *wire) take(n uint64) (room bool, err error) {
	most := w.lim.MessageBytes + w.lim.HeaderBytes // its parts have limits of their own
	for room = true; n > 0; {
		part, err := w.r.Peek(int(min(n, uint64(w.r.Size()), uint64(max(w.r.Buffered(), 1))))) //nolint:gosec // a size
		if err != nil {
			return false, err
		}
		kept := part[:min(len(part), most-len(w.buf))]
		w.buf = append(w.buf, kept...)
		room = room && len(kept) == len(part)
		n -= uint64(len(part))
		_, _ = w.r.Discard(len(part))
	}
	return room, nil
}

// AppendID implements objectrpc.Wire.
func (*wire) AppendID(dst []byte, n uint32) []byte { return msgp.AppendUint32(dst, n) }

// AppendObject implements objectrpc.Wire.
func (*wire) AppendObject(dst []byte, f *objectrpc.Frame) []byte { return appendObject(dst, f) }

// AppendFramed implements objectrpc.Wire: a value says itself where it ends.
func (*wire) AppendFramed(dst, object []byte) []byte { return append(dst, object...) }

// AppendBatch implements objectrpc.Wire. There are no batches.
func (*wire) AppendBatch(dst []byte, _ [][]byte) []byte { return dst }

// Null implements objectrpc.Wire.
func (*wire) Null(body []byte) bool { return len(body) == 0 || body[0] == null }

// NullID implements objectrpc.Wire.
func (*wire) NullID(id []byte) bool { return id == nil }
