package jsonrpc

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/internal/objectrpc"
)

const (
	keepBytes   = 256 << 10 // a buffer that has grown larger is not kept
	headerBytes = 4 << 10   // of the header in front of an object
)

// A wire is the objectrpc.Wire of JSON-RPC: an object in each line, or behind a header that says its length, whichever way
// the peer begins.
type wire struct {
	r       *objectrpc.Reader
	lim     codec.Limits
	buf     []byte
	begun   bool
	headers atomic.Bool // each object has a header
}

func newWire(r *objectrpc.Reader, lim codec.Limits) objectrpc.Wire { return &wire{r: r, lim: lim} }

// Next implements objectrpc.Wire.
func (w *wire) Next(f *objectrpc.Frame) error {
	*f = objectrpc.Frame{Batch: f.Batch[:0]}
	if err := w.space(); err != nil {
		return err
	}
	if cap(w.buf) > keepBytes {
		w.buf = nil
	}
	w.buf = w.buf[:0]
	read := w.line
	if w.headers.Load() {
		read = w.sized
	}
	whole, err := read()
	switch {
	case err != nil:
		return err
	case whole:
		decode(f, w.buf, w.lim)
	default:
		decodeCut(f, w.buf, w.lim)
	}
	return nil
}

// space skips the space between objects, and finds out at the first how they are told apart.
func (w *wire) space() error {
	for {
		if err := w.r.Begin(); err != nil {
			return err
		}
		b, err := w.r.Peek(1)
		if err != nil {
			return err
		}
		if strings.IndexByte(" \t\r\n", b[0]) < 0 {
			if !w.begun {
				w.begun = true
				w.headers.Store(b[0] == 'C' || b[0] == 'c')
			}
			return nil
		}
		_, _ = w.r.Discard(1)
	}
}

// most is how large an object may be; its parts have limits of their own.
func (w *wire) most() int { return w.lim.MessageBytes + w.lim.HeaderBytes }

// line reads an object that ends with its line.
func (w *wire) line() (whole bool, err error) {
	for whole = true; ; {
		part, err := w.r.ReadSlice('\n')
		if room := w.most() - len(w.buf); len(part) > room {
			part, whole = part[:room], false
		}
		w.buf = append(w.buf, part...)
		switch {
		case err == nil, err == io.EOF: // the last line may have no end
			return whole, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return false, err
		}
	}
}

// sized reads a header and the object behind it.
func (w *wire) sized() (whole bool, err error) {
	length, err := w.header()
	if err != nil {
		return false, err
	}
	for left := min(length, int64(w.most())); left > 0; { // memory is taken as bytes come
		part, err := w.r.Peek(int(min(left, int64(w.r.Size()), int64(max(w.r.Buffered(), 1)))))
		if err != nil {
			return false, unexpected(err)
		}
		w.buf = append(w.buf, part...)
		left -= int64(len(part))
		_, _ = w.r.Discard(len(part))
	}
	over := length - int64(len(w.buf))
	if _, err := io.CopyN(io.Discard, w.r, over); err != nil {
		return false, unexpected(err)
	}
	return over == 0, nil
}

func (w *wire) header() (length int64, err error) {
	length = -1
	for total := 0; ; {
		line, err := w.r.ReadSlice('\n')
		if total += len(line); total > headerBytes || errors.Is(err, bufio.ErrBufferFull) {
			return 0, objectrpc.Broken("a header of more than %d bytes", headerBytes)
		}
		if err != nil {
			return 0, unexpected(err)
		}
		text := strings.TrimRight(string(line), "\r\n")
		if text == "" {
			break
		}
		name, value, ok := strings.Cut(text, ":")
		if !ok {
			return 0, objectrpc.Broken("a header with the line %.64q", text)
		}
		if !strings.EqualFold(name, "Content-Length") {
			continue
		}
		n, perr := strconv.ParseUint(strings.TrimSpace(value), 10, 63)
		if perr != nil || length >= 0 {
			return 0, objectrpc.Broken("a header with Content-Length twice, or %.64q", value)
		}
		length = int64(n)
	}
	if length < 0 {
		return 0, objectrpc.Broken("a header without Content-Length")
	}
	return length, nil
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// AppendID implements objectrpc.Wire.
func (*wire) AppendID(dst []byte, n uint32) []byte { return strconv.AppendUint(dst, uint64(n), 10) }

// AppendObject implements objectrpc.Wire.
func (*wire) AppendObject(dst []byte, f *objectrpc.Frame) []byte { return appendObject(dst, f) }

// AppendFramed implements objectrpc.Wire.
func (w *wire) AppendFramed(dst, object []byte) []byte {
	if w.headers.Load() {
		dst = strconv.AppendInt(append(dst, "Content-Length: "...), int64(len(object)), 10)
		return append(append(dst, "\r\n\r\n"...), object...)
	}
	return append(append(dst, object...), '\n')
}

// AppendBatch implements objectrpc.Wire.
func (*wire) AppendBatch(dst []byte, objects [][]byte) []byte {
	dst = append(dst, '[')
	dst = append(dst, bytes.Join(objects, []byte(","))...)
	return append(dst, ']')
}

// Null implements objectrpc.Wire.
func (*wire) Null(body []byte) bool { return body == nil || string(body) == null }

// NullID implements objectrpc.Wire.
func (*wire) NullID(id []byte) bool { return id == nil || string(id) == null }
