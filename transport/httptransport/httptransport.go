// Package httptransport puts net/http below the formats that speak HTTP: [Serve] makes a request that net/http has
// received an exchange, [Server] serves connections that somebody else has accepted, and [Client] makes requests.
//
// All of them speak HTTP/1.1 and HTTP/2, over TLS and without it.
package httptransport

import (
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"
)

// Limits bound what one peer can make this side hold, and how long it may stay silent. A field that is zero stands for
// net/http's own default, which for the times is mostly no limit at all.
type Limits struct {
	HeaderBytes      int           // the largest head of a request or of a response
	Calls            int           // requests that a peer may have running on one HTTP/2 connection
	HandshakeTimeout time.Duration // for dialing and for TLS, and on a server for each head of a request
	IdleTimeout      time.Duration // a connection without a request for that long is closed
	PingInterval     time.Duration // an HTTP/2 connection silent for that long is pinged
	PingTimeout      time.Duration // an HTTP/2 connection that leaves a ping unanswered for that long is closed
	WriteTimeout     time.Duration // a connection that takes no byte for that long is closed
}

// A conn is a connection whose writes end when the peer takes nothing. It hides what else the connection below can do:
// net/http would look for HTTP/2 only in the ALPN of a connection that it knows to be TLS, while it looks at the first
// bytes of any other.
type conn struct {
	net.Conn
	timeout  time.Duration // of a write without progress; 0 for none
	deadline atomic.Int64  // of all writes, in nanoseconds since 1970; 0 for none
	closed   func(*conn)   // called by Close; may be nil

	body atomic.Pointer[io.PipeWriter] // of the request that runs on a client's HTTP/1.1 connection, if it is written
}

// errLost ends the body of a request whose connection is closed.
var errLost = errors.New("the connection is lost")

// writeStep is how many bytes a write passes on at a time, each of which has the full timeout.
const writeStep = 256 << 10

func (c *conn) Write(p []byte) (int, error) {
	if c.timeout == 0 {
		return c.Conn.Write(p)
	}
	sent := 0
	for {
		deadline := time.Now().Add(c.timeout)
		if d := c.deadline.Load(); d != 0 && d < deadline.UnixNano() {
			deadline = time.Unix(0, d)
		}
		if err := c.Conn.SetWriteDeadline(deadline); err != nil {
			return sent, err
		}
		n, err := c.Conn.Write(p[sent:min(len(p), sent+writeStep)])
		sent += n
		if err != nil || sent == len(p) {
			return sent, err
		}
	}
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	nanos := int64(0)
	if !t.IsZero() {
		nanos = t.UnixNano()
	}
	c.deadline.Store(nanos)
	return c.Conn.SetWriteDeadline(t)
}

func (c *conn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// CloseWrite lets net/http end its half, so that the peer reads the response before it learns that the rest of its
// request is unwanted.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// Close ends the body of the request that runs, too: net/http's client for HTTP/1.1 does not report the end of a
// connection before it has read the body to its end.
func (c *conn) Close() error {
	if body := c.body.Swap(nil); body != nil {
		_ = body.CloseWithError(errLost)
	}
	if c.closed != nil {
		c.closed(c)
	}
	return c.Conn.Close()
}
