package objectrpc

import (
	"bufio"
	"io"
	"net"
	"time"
)

const readBytes = 16 << 10

// A Reader reads a connection. Once an object has begun, its rest has to come in time.
type Reader struct {
	*bufio.Reader
	in *patient
}

// NewReader returns a reader of r. If that is a net.Conn, its objects must not stall for longer than timeout.
func NewReader(r io.Reader, timeout time.Duration) *Reader {
	in := &patient{r: r, timeout: timeout}
	in.nc, _ = r.(net.Conn)
	return &Reader{bufio.NewReaderSize(in, readBytes), in}
}

// Begin waits for the first byte of the next object, for however long that takes.
func (r *Reader) Begin() error {
	r.in.within = false
	_, err := r.Peek(1)
	r.in.within = true
	return err
}

type patient struct {
	r       io.Reader
	nc      net.Conn // nil if r is none
	timeout time.Duration
	within  bool // an object has begun
	limited bool // a deadline is set
}

func (p *patient) Read(b []byte) (int, error) {
	switch {
	case p.nc == nil:
	case p.within:
		p.limited = true
		_ = p.nc.SetReadDeadline(time.Now().Add(p.timeout))
	case p.limited:
		p.limited = false
		_ = p.nc.SetReadDeadline(time.Time{})
	}
	return p.r.Read(b)
}
