package connectformat

import (
	"encoding/binary"
	"io"
	"math"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/internal/bufpool"
	"github.com/protomicro/micro/status"
)

const (
	flagCompressed = 1 << 0
	flagEnd        = 1 << 1 // the envelope holds the end of a response
	prefixLen      = 5      // flags, and the length in four bytes
	firstRead      = 4 << 10
)

// appendMessage appends an envelope with msg.
func appendMessage(dst []byte, c codec.Codec, msg any) ([]byte, error) {
	start := len(dst)
	out, err := c.MarshalAppend(append(dst, 0, 0, 0, 0, 0), msg)
	if err != nil {
		return dst, err
	}
	return patch(out, start, 0)
}

// patch fills in the prefix of the envelope that starts at start and reaches to the end of b.
func patch(b []byte, start int, flags byte) ([]byte, error) {
	n := len(b) - start - prefixLen
	if int64(n) > 1<<32-1 {
		return b[:start], status.Errorf(status.ResourceExhausted, "a message of %d bytes is too large to send", n)
	}
	b[start] = flags
	binary.BigEndian.PutUint32(b[start+1:], uint32(n)) //nolint:gosec // was checked above
	return b, nil
}

// An envelopeReader reads envelopes. Its buffer grows with what has arrived, not with what a prefix announces.
type envelopeReader struct {
	r         io.Reader
	between   io.Reader   // reads what r does while no message has begun; nil for r
	limit     int         // of a message in bytes
	endLimit  int         // of the end of the response
	flags     byte        // that the peer may set
	violation status.Code // for what breaks the protocol

	buf    *bufpool.Buffer // what was read and not returned is buf.B[start:]
	start  int
	inside bool  // a prefix was taken, but not its payload
	err    error // of r
}

// next returns the next envelope. The payload is valid until the next call of next or release. The error is io.EOF at the
// end, a *status.Error if the peer broke a rule, and otherwise what reading returned.
func (e *envelopeReader) next() (flags byte, payload []byte, err error) {
	e.inside = false
	prefix, err := e.take(prefixLen)
	if err != nil {
		return 0, nil, err
	}
	e.inside = true
	flags = prefix[0]
	switch {
	case flags&flagCompressed != 0:
		return 0, nil, status.Errorf(status.Internal, "a message is compressed although no compression was agreed on")
	case flags&^e.flags != 0:
		return 0, nil, status.Errorf(e.violation, "a message has the unknown flags %#02x", flags)
	}
	n, limit := binary.BigEndian.Uint32(prefix[1:]), e.limit
	if flags&flagEnd != 0 {
		limit = e.endLimit
	}
	if int64(n) > int64(limit) {
		return 0, nil, tooLarge(int64(n), limit)
	}
	payload, err = e.take(int(n))
	if err == io.EOF {
		err = e.truncated()
	}
	return flags, payload, err
}

func tooLarge(n int64, limit int) *status.Error {
	return status.Errorf(status.ResourceExhausted, "a message of %d bytes is larger than the limit of %d", n, limit)
}

func (e *envelopeReader) truncated() error {
	return status.Errorf(e.violation, "the stream ends in the middle of a message")
}

// take returns the next n bytes. The error is io.EOF if the stream ends before the first of them.
func (e *envelopeReader) take(n int) ([]byte, error) {
	if e.buf == nil {
		e.buf = bufpool.Get(firstRead)
	}
	for len(e.buf.B)-e.start < n {
		if e.err != nil {
			if e.err == io.EOF && len(e.buf.B) > e.start {
				return nil, e.truncated()
			}
			return nil, e.err
		}
		r := e.r
		if e.between != nil && !e.inside && !e.buffered() {
			r = e.between
		}
		if e.start > 0 { // make room at the front
			e.buf.B = e.buf.B[:copy(e.buf.B, e.buf.B[e.start:])]
			e.start = 0
		}
		e.buf, e.err = readMore(r, e.buf, n, math.MaxInt)
	}
	taken := e.buf.B[e.start : e.start+n : e.start+n]
	e.start += n
	return taken, nil
}

// buffered tells whether something was read that has not been taken.
func (e *envelopeReader) buffered() bool { return len(e.buf.B) > e.start }

// more waits for a further byte and tells whether there is one. It must not be called if something is buffered.
func (e *envelopeReader) more() bool {
	if e.err == nil {
		e.buf.B, e.start = e.buf.B[:0], 0
		e.buf, e.err = readMore(e.r, e.buf, 1, math.MaxInt)
	}
	return e.buffered()
}

// release gives the buffer back. There must be no next.
func (e *envelopeReader) release() {
	if e.buf != nil {
		bufpool.Put(e.buf)
		e.buf = nil
	}
}

// readMore appends what one read of r yields to buf, so that it has no more than most bytes. It replaces buf by one up to
// twice as large if it is full and is to hold want bytes.
func readMore(r io.Reader, buf *bufpool.Buffer, want, most int) (*bufpool.Buffer, error) {
	if len(buf.B) == cap(buf.B) {
		larger := bufpool.Get(min(max(want, cap(buf.B)+1), 2*cap(buf.B)))
		larger.B = append(larger.B, buf.B...)
		bufpool.Put(buf)
		buf = larger
	}
	for range 100 {
		n, err := r.Read(buf.B[len(buf.B):min(cap(buf.B), most)])
		buf.B = buf.B[:len(buf.B)+n]
		if n > 0 || err != nil {
			return buf, err
		}
	}
	return buf, io.ErrNoProgress
}

// readBody reads r to its end, of which length is announced or -1. It stops at one byte more than limit. The buffer is
// the caller's, also if there is an error.
func readBody(r io.Reader, length int64, limit int) (*bufpool.Buffer, error) {
	if length > int64(limit) {
		return bufpool.Get(0), tooLarge(length, limit)
	}
	want := int(max(length, 0)) + 1 // room to see the end
	buf := bufpool.Get(min(want, 64<<10))
	for {
		var err error
		buf, err = readMore(r, buf, want, limit+1)
		if len(buf.B) > limit {
			return buf, status.Errorf(status.ResourceExhausted, "a message is larger than the limit of %d bytes", limit)
		}
		if err == io.EOF {
			return buf, nil
		}
		if err != nil {
			return buf, err
		}
	}
}
