package bsonrpc

import (
	"encoding/binary"
	"io"

	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/internal/objectrpc"
)

const keepBytes = 256 << 10 // a buffer that has grown larger is not kept

// A wire is the objectrpc.Wire of BSON-RPC.
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
	head, err := w.r.Peek(4)
	if err != nil {
		return unexpected(err)
	}
	length := int(int32(binary.LittleEndian.Uint32(head))) //nolint:gosec // lengths are signed in BSON
	if length < 5 {
		return objectrpc.Broken("a document of %d bytes", length)
	}
	if cap(w.buf) > keepBytes {
		w.buf = nil
	}
	w.buf = w.buf[:0]
	most := w.lim.MessageBytes + w.lim.HeaderBytes // its parts have limits of their own
	for left := min(length, most); left > 0; {     // memory is taken as bytes come
		part, err := w.r.Peek(min(left, w.r.Size(), max(w.r.Buffered(), 1)))
		if err != nil {
			return unexpected(err)
		}
		w.buf = append(w.buf, part...)
		left -= len(part)
		_, _ = w.r.Discard(len(part))
	}
	if length <= most {
		decode(f, w.buf, w.lim)
		return nil
	}
	if _, err := io.CopyN(io.Discard, w.r, int64(length-most)); err != nil {
		return unexpected(err)
	}
	decodeCut(f, w.buf, w.lim)
	return nil
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// AppendID implements objectrpc.Wire.
func (*wire) AppendID(dst []byte, n uint32) []byte {
	return bsoncore.AppendInt64(append(dst, byte(bsoncore.TypeInt64)), int64(n))
}

// AppendObject implements objectrpc.Wire.
func (*wire) AppendObject(dst []byte, f *objectrpc.Frame) []byte { return appendObject(dst, f) }

// AppendFramed implements objectrpc.Wire: a document says itself how long it is.
func (*wire) AppendFramed(dst, object []byte) []byte { return append(dst, object...) }

// AppendBatch implements objectrpc.Wire. There are no batches.
func (*wire) AppendBatch(dst []byte, _ [][]byte) []byte { return dst }

// Null implements objectrpc.Wire.
func (*wire) Null(body []byte) bool { return body == nil }

// NullID implements objectrpc.Wire.
func (*wire) NullID(id []byte) bool { return len(id) == 0 || id[0] == byte(bsoncore.TypeNull) }
