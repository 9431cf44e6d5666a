// Package sniff tells the protocols of connections apart by their first bytes, so that one port can serve several.
package sniff

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/protomicro/micro/transport"
)

const (
	maxPrefix = 64 // bytes looked at
	maxQuoted = 16 // bytes shown in an error
)

// Conn reads the first bytes of nc, at most 64, until the first of the matchers that does not answer transport.No
// answers transport.Yes. It returns that matcher's index, and a connection that yields all bytes of nc from the first on
// and is otherwise nc.
//
// If no matcher can match, or nc ends before that is known, the index is -1 and the error quotes the first bytes; if it
// is not known after timeout, counted from the call, the error wraps os.ErrDeadlineExceeded. The connection is returned
// even then, and never closed. A timeout of 0 or less waits for ever; nc's read deadline is cleared unless it is so.
//
// A matcher is asked about each prefix in turn, so that the answer does not depend on how the bytes arrive.
func Conn(nc net.Conn, timeout time.Duration, matchers ...func(prefix []byte) transport.Match) (net.Conn, int, error) {
	c := &conn{Conn: nc}
	if timeout > 0 {
		if err := nc.SetReadDeadline(time.Now().Add(timeout)); err != nil {
			return c, -1, fmt.Errorf("sniff: %w", err)
		}
	}
	index, err := c.match(matchers)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = fmt.Errorf("%w: no protocol recognised within %v", err, timeout)
	}
	if timeout > 0 {
		if clearErr := nc.SetReadDeadline(time.Time{}); clearErr != nil && err == nil {
			return c, -1, fmt.Errorf("sniff: %w", clearErr)
		}
	}
	return c, index, err
}

// A conn yields prefix before the rest of Conn.
type conn struct {
	net.Conn
	drained atomic.Bool // prefix is empty and stays so
	mu      sync.Mutex  // guards prefix
	prefix  []byte
}

// match fills the prefix and returns the index of the matcher that takes it, or -1 and an error.
func (c *conn) match(matchers []func([]byte) transport.Match) (int, error) {
	buf := make([]byte, maxPrefix)
	for have, known := 0, 0; have < maxPrefix; {
		n, err := c.Conn.Read(buf[have:])
		have += n
		c.prefix = buf[:have]
		for known < have {
			known++
			if index, more := first(buf[:known:known], matchers); !more {
				if index < 0 {
					return -1, mismatch(c.prefix)
				}
				return index, nil
			}
		}
		if err == io.EOF {
			return -1, fmt.Errorf("sniff: the connection ended after %q: %w", quoted(c.prefix), unexpected(have))
		}
		if err != nil {
			return -1, fmt.Errorf("sniff: after %q: %w", quoted(c.prefix), err)
		}
	}
	return -1, mismatch(c.prefix)
}

// first returns the index of the matcher that takes prefix or -1, and whether more bytes are needed to tell.
func first(prefix []byte, matchers []func([]byte) transport.Match) (index int, more bool) {
	for i, match := range matchers {
		switch match(prefix) {
		case transport.Yes:
			return i, false
		case transport.More:
			return -1, true
		case transport.No:
		}
	}
	return -1, false
}

func mismatch(prefix []byte) error {
	return fmt.Errorf("sniff: no protocol here starts with %q", quoted(prefix))
}

func quoted(prefix []byte) []byte { return prefix[:min(len(prefix), maxQuoted)] }

// unexpected is io.EOF for a peer that left without a word, and io.ErrUnexpectedEOF for one that left in the middle.
func unexpected(have int) error {
	if have == 0 {
		return io.EOF
	}
	return io.ErrUnexpectedEOF
}

func (c *conn) Read(p []byte) (int, error) {
	if !c.drained.Load() {
		if n := c.replay(p); n > 0 {
			return n, nil
		}
	}
	return c.Conn.Read(p)
}

func (c *conn) replay(p []byte) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := copy(p, c.prefix)
	c.prefix = c.prefix[n:]
	if len(c.prefix) == 0 {
		c.prefix = nil
		c.drained.Store(true)
	}
	return n
}

// WriteBuffers writes bufs to the connection beneath, with one system call where it can.
func (c *conn) WriteBuffers(bufs *net.Buffers) (int64, error) { return bufs.WriteTo(c.Conn) }

// CloseWrite ends the half of the connection that is written to, where the connection beneath can.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}
