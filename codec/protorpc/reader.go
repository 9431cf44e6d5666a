package protorpc

import (
	"io"
	"net"
	"sync/atomic"
)

const (
	readBytes = 16 << 10  // of the buffer of a connection on which little comes
	readMost  = 256 << 10 // of the buffer of a connection on which much comes, unless a frame is larger
	quiet     = 8         // reads in a row that would have done with the small buffer, until it is back
)

// A reader cuts what comes from nc into frames.
type reader struct {
	nc    net.Conn
	reads *atomic.Uint64
	buf   []byte
	r, w  int // what of buf is read but not yet used
	small int // reads in a row that were small
}

// frame returns the next frame.
func (in *reader) frame() (frame, error) {
	b, err := in.next(headerLen)
	if err != nil {
		return frame{}, err
	}
	f, length, err := parseHeader(b)
	if err != nil || length == 0 {
		return f, err
	}
	if f.payload, err = in.next(length); err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return f, err
}

// next returns the next n bytes, valid until the next call but one that stays within what is buffered. It returns io.EOF
// if the peer has closed before the first of them.
func (in *reader) next(n int) ([]byte, error) {
	if in.w-in.r < n {
		if err := in.fill(n); err != nil {
			return nil, err
		}
	}
	b := in.buf[in.r : in.r+n : in.r+n]
	in.r += n
	return b, nil
}

// fill reads until n bytes are buffered.
func (in *reader) fill(n int) error {
	in.resize(n)
	for in.w < n {
		m, err := in.nc.Read(in.buf[in.w:])
		if m > 0 {
			in.w += m
			in.reads.Add(1)
			continue
		}
		if err == io.EOF && in.w > 0 {
			return io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
	}
	if in.small++; in.w > readBytes {
		in.small = 0
	}
	return nil
}

// resize makes room for n bytes and moves what is not used yet to the front. The buffer grows when reads fill it, and
// shrinks when they have been small for a while.
func (in *reader) resize(n int) {
	rest := in.buf[in.r:in.w]
	size := len(in.buf)
	switch {
	case in.w == size && size < readMost: // the last read filled it
		size = min(2*size, readMost)
	case in.small >= quiet && len(rest) == 0:
		size = readBytes
	}
	if size = max(size, n, readBytes); size != len(in.buf) {
		in.buf = make([]byte, size)
	}
	in.w = copy(in.buf, rest)
	in.r = 0
}
