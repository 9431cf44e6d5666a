package protorpc

import (
	"io"
	"net"
	"sync/atomic"
)

const readBytes = 16 << 10 // of the buffer of a connection, unless a frame is larger

// A reader cuts what comes from nc into frames.
type reader struct {
	nc    net.Conn
	reads *atomic.Uint64
	buf   []byte
	r, w  int // what of buf is read but not yet used
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
	rest := in.buf[in.r:in.w]
	switch {
	case n > len(in.buf), len(rest) == 0 && len(in.buf) > readBytes && n <= readBytes:
		in.buf = make([]byte, max(n, readBytes))
		fallthrough
	case in.r > 0:
		in.w = copy(in.buf, rest)
		in.r = 0
	}
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
	return nil
}
