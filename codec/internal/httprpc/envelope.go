package httprpc

import (
	"encoding/binary"
	"io"
	"math"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/internal/bufpool"
	"github.com/protomicro/micro/status"
)

// FlagCompressed is set in the first byte of an envelope whose message is compressed.
const FlagCompressed = 1 << 0

const (
	prefixLen = 5 // flags, and the length in four bytes
	firstRead = 4 << 10
)

// An Encoder encodes the messages that one side of a call sends.
type Encoder struct {
	Codec       codec.Codec
	Compressor  codec.Compressor // nil for none
	Compression *codec.Compression
}

// Append appends msg in an envelope.
func (e *Encoder) Append(dst []byte, msg any) ([]byte, error) {
	start := len(dst)
	out, compressed, err := e.AppendBare(append(dst, 0, 0, 0, 0, 0), msg)
	if err != nil {
		return dst, err
	}
	flags := byte(0)
	if compressed {
		flags = FlagCompressed
	}
	return Seal(out, start, flags)
}

// AppendBare appends msg without an envelope and tells whether it is compressed.
func (e *Encoder) AppendBare(dst []byte, msg any) (out []byte, compressed bool, err error) {
	start := len(dst)
	if out, err = e.Codec.MarshalAppend(dst, msg); err != nil {
		return dst, false, err
	}
	if e.Compressor == nil || !e.Compression.Compresses(len(out)-start) {
		return out, false, nil
	}
	plain := bufpool.Get(len(out) - start)
	defer bufpool.Put(plain)
	plain.B = append(plain.B, out[start:]...)
	if out, err = e.Compressor.Compress(out[:start], plain.B); err != nil {
		return dst, false, err
	}
	return out, true, nil
}

// Seal fills in the prefix, for which there is room, of the envelope that starts at start and reaches to the end of b.
func Seal(b []byte, start int, flags byte) ([]byte, error) {
	n := len(b) - start - prefixLen
	if int64(n) > 1<<32-1 {
		return b[:start], status.Errorf(status.ResourceExhausted, "a message of %d bytes is too large to send", n)
	}
	b[start] = flags
	binary.BigEndian.PutUint32(b[start+1:], uint32(n)) //nolint:gosec // was checked above
	return b, nil
}

// An EnvelopeReader reads envelopes. Its buffer grows with what has arrived, not with what a prefix announces.
type EnvelopeReader struct {
	R          io.Reader
	Between    io.Reader        // reads what R does while no message has begun; nil for R
	Limit      int              // of a message in bytes
	EndFlag    byte             // of the envelope that ends a response; 0 if there is none
	EndLimit   int              // of what that holds
	Violation  status.Code      // for what breaks the protocol
	Compressor codec.Compressor // of messages with FlagCompressed; nil if none was agreed on

	buf    *bufpool.Buffer // what was read and not returned is buf.B[start:]
	start  int
	plain  *bufpool.Buffer // the last message that was compressed
	inside bool            // a prefix was taken, but not its payload
	err    error           // of R
}

// Next returns the next envelope. The payload is valid until the next call of Next or Release. The error is io.EOF at the
// end, a *status.Error if the peer broke a rule, and otherwise what reading returned.
func (e *EnvelopeReader) Next() (end bool, payload []byte, err error) {
	e.inside = false
	prefix, err := e.take(prefixLen)
	if err != nil {
		return false, nil, err
	}
	e.inside = true
	flags := prefix[0]
	end = flags&e.EndFlag != 0
	switch {
	case flags&^(e.EndFlag|FlagCompressed) != 0:
		return end, nil, status.Errorf(e.Violation, "a message has the unknown flags %#02x", flags)
	case flags&FlagCompressed != 0 && e.Compressor == nil:
		return end, nil, status.Errorf(status.Internal, "a message is compressed although no compression was agreed on")
	}
	n, limit := binary.BigEndian.Uint32(prefix[1:]), e.Limit
	if end {
		limit = e.EndLimit
	}
	most := limit
	if flags&FlagCompressed != 0 {
		most = CompressedLimit(limit)
	}
	if int64(n) > int64(most) {
		return end, nil, tooLarge(int64(n), limit)
	}
	payload, err = e.take(int(n))
	if err == io.EOF {
		err = e.truncated()
	}
	if err == nil && flags&FlagCompressed != 0 && n > 0 {
		payload, err = e.inflate(payload, limit)
	}
	return end, payload, err
}

func (e *EnvelopeReader) inflate(payload []byte, limit int) ([]byte, error) {
	if e.plain == nil {
		e.plain = bufpool.Get(4 * len(payload))
	}
	var err error
	e.plain.B, err = e.Compressor.Decompress(e.plain.B[:0], payload, limit)
	if status.CodeOf(err) == status.InvalidArgument {
		err = status.Errorf(e.Violation, "%s", status.From(err).Message)
	}
	return e.plain.B, err
}

// CompressedLimit returns how long a compressed message of at most limit bytes can be: what does not compress becomes
// longer.
func CompressedLimit(limit int) int { return limit + limit/64 + 256 }

func tooLarge(n int64, limit int) *status.Error {
	return status.Errorf(status.ResourceExhausted, "a message of %d bytes is larger than the limit of %d", n, limit)
}

func (e *EnvelopeReader) truncated() error {
	return status.Errorf(e.Violation, "the stream ends in the middle of a message")
}

// take returns the next n bytes. The error is io.EOF if the stream ends before the first of them.
func (e *EnvelopeReader) take(n int) ([]byte, error) {
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
		r := e.R
		if e.Between != nil && !e.inside && !e.Buffered() {
			r = e.Between
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

// Buffered tells whether something was read that has not been returned.
func (e *EnvelopeReader) Buffered() bool { return e.buf != nil && len(e.buf.B) > e.start }

// More waits for a further byte and tells whether there is one. It must not be called if something is buffered.
func (e *EnvelopeReader) More() bool {
	if e.err == nil && e.buf != nil {
		e.buf.B, e.start = e.buf.B[:0], 0
		e.buf, e.err = readMore(e.R, e.buf, 1, math.MaxInt)
	}
	return e.Buffered()
}

// Release gives the buffers back. There must be no Next.
func (e *EnvelopeReader) Release() {
	for _, buf := range []**bufpool.Buffer{&e.buf, &e.plain} {
		if *buf != nil {
			bufpool.Put(*buf)
			*buf = nil
		}
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

// ReadBody reads r to its end, of which length is announced or -1. It stops at one byte more than limit. The buffer is
// the caller's, also if there is an error.
func ReadBody(r io.Reader, length int64, limit int) (*bufpool.Buffer, error) {
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

// Inflate replaces body, which c has compressed, by what it holds. The buffer is the caller's, also if there is an error.
func Inflate(body *bufpool.Buffer, c codec.Compressor, limit int) (*bufpool.Buffer, error) {
	plain := bufpool.Get(min(4*len(body.B), limit+1))
	var err error
	plain.B, err = c.Decompress(plain.B, body.B, limit)
	bufpool.Put(body)
	return plain, err
}
