package memtransport

import (
	"io"
	"net"
	"time"
)

// A pipe is a connection: its two ends, and the buffer of each direction.
type pipe struct {
	a, b   conn
	ab, ba half
}

func newPipe(a, b string) *pipe {
	p := &pipe{}
	p.ab.init()
	p.ba.init()
	p.a = conn{local: a, remote: b, in: &p.ba, out: &p.ab}
	p.b = conn{local: b, remote: a, in: &p.ab, out: &p.ba}
	return p
}

// A conn is one end of a pipe.
type conn struct {
	local, remote string
	in, out       *half
}

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.in.read(p)
	return n, opError("read", c.remote, err)
}

func (c *conn) Write(p []byte) (int, error) {
	n, err := c.out.write(p)
	return n, opError("write", c.remote, err)
}

func (c *conn) Close() error {
	c.close(io.EOF)
	return nil
}

// close ends both directions; the peer reads what is buffered, and then the error end.
func (c *conn) close(end error) {
	c.out.closeWriter(end)
	c.in.closeReader()
}

func (c *conn) LocalAddr() net.Addr  { return address(c.local) }
func (c *conn) RemoteAddr() net.Addr { return address(c.remote) }

func (c *conn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

func (c *conn) SetReadDeadline(t time.Time) error {
	return opError("set", c.local, c.in.setReadDeadline(t))
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	return opError("set", c.local, c.out.setWriteDeadline(t))
}
