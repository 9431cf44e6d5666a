package objectrpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"sync"
	"time"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/status"
)

const (
	outBytes     = 256 << 10    // queued for the peer before senders have to wait
	controlBytes = 1 << 20      // queued without waiting before a peer that does not read is given up
	keepBytes    = 2 * outBytes // a buffer that has grown larger is not kept
	writePiece   = 64 << 10     // what a peer has to take within the write timeout
)

// An outlet takes the objects that a call sends.
type outlet interface {
	// put sends an object, and waits until ctx ends while the peer is behind.
	put(ctx context.Context, object []byte) error
	// putNow sends an object without waiting, for whoever must not wait for a peer that does not read.
	putNow(object []byte) error
}

// A conn is what both sides of a connection share: a buffer, and the goroutine that writes it.
type conn struct {
	nc      net.Conn
	lim     codec.Limits
	wire    Wire
	written chan struct{} // closed when the writer has ended

	mu       sync.Mutex    // guards below
	out      []byte        // objects to write
	spare    []byte        // what becomes out when the writer takes out
	controls int           // bytes in out that did not wait for room
	wake     sync.Cond     // for the writer, when it is idle
	room     chan struct{} // closed when out has been taken; nil if nobody waits
	closing  error         // once out is written, the connection ends for that reason
	err      error         // why the connection has ended
}

func (c *conn) init(nc net.Conn, lim codec.Limits, newWire func(*Reader, codec.Limits) Wire) {
	c.nc, c.lim, c.written = nc, lim.WithDefaults(), make(chan struct{})
	c.wire = newWire(NewReader(nc, c.lim.ReadTimeout), c.lim)
	c.wake.L = &c.mu
}

// put implements outlet.
func (c *conn) put(ctx context.Context, object []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.err == nil && len(c.out) >= outBytes {
		if c.room == nil {
			c.room = make(chan struct{})
		}
		room := c.room
		c.mu.Unlock()
		select {
		case <-room:
			c.mu.Lock()
		case <-ctx.Done():
			c.mu.Lock()
			return status.From(ctx.Err())
		}
	}
	return c.queue(object)
}

// putNow implements outlet.
func (c *conn) putNow(object []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.controls += len(object); c.controls > controlBytes && c.closing == nil {
		c.closing = errors.New("the peer does not read the answers that it asks for")
	}
	return c.queue(object)
}

// queue gives an object to the writer. c.mu is held.
func (c *conn) queue(object []byte) error {
	c.wake.Signal()
	if c.err != nil || c.closing != nil {
		return c.failure()
	}
	c.out = c.wire.AppendFramed(c.out, object)
	return nil
}

var errClosed = errors.New("the connection was closed on this side")

// failure says to the calls on the connection why it has ended, or is about to. c.mu is held.
func (c *conn) failure() *status.Error {
	err := c.err
	if err == nil {
		err = c.closing
	}
	if err == io.EOF {
		return status.Errorf(status.Unavailable, "%v closed the connection", c.nc.RemoteAddr())
	}
	return status.Errorf(status.Unavailable, "connection to %v: %v", c.nc.RemoteAddr(), err)
}

// writeLoop writes what is queued until the connection ends.
func (c *conn) writeLoop() {
	defer close(c.written)
	c.mu.Lock()
	for {
		for len(c.out) == 0 && c.err == nil && c.closing == nil {
			c.wake.Wait()
		}
		if c.err != nil || len(c.out) == 0 {
			break
		}
		c.mu.Unlock()
		runtime.Gosched() // whoever is about to send shares the write
		c.mu.Lock()
		buf := c.out
		c.out, c.spare, c.controls = c.spare[:0], nil, 0
		if c.room != nil {
			close(c.room)
			c.room = nil
		}
		c.mu.Unlock()
		if err := c.write(buf); err != nil {
			c.fail(fmt.Errorf("writing: %w", err))
		}
		c.mu.Lock()
		if cap(buf) <= keepBytes {
			c.spare = buf
		}
	}
	reason := c.closing
	c.mu.Unlock()
	c.fail(reason)
}

// write writes buf in pieces, each of which the peer has to take in time.
func (c *conn) write(buf []byte) error {
	for len(buf) > 0 {
		_ = c.nc.SetWriteDeadline(time.Now().Add(c.lim.WriteTimeout))
		n, err := c.nc.Write(buf[:min(len(buf), writePiece)])
		if err != nil {
			return err
		}
		buf = buf[n:]
	}
	return nil
}

// readLoop hands every object to handle until the connection ends, and says why it did.
func (c *conn) readLoop(handle func(*Frame) error) error {
	var f Frame
	for {
		err := c.wire.Next(&f)
		if err == nil {
			err = handle(&f)
		}
		if err != nil {
			c.close(err)
			if err != io.EOF {
				<-c.written // what was answered still goes out
			}
			c.fail(err)
			return err
		}
	}
}

// close ends the connection once what is queued is written.
func (c *conn) close(reason error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing == nil {
		c.closing = reason
	}
	c.wake.Signal()
}

// fail ends the connection; the first reason counts.
func (c *conn) fail(err error) {
	c.mu.Lock()
	if c.err == nil {
		c.err = err
	}
	if c.room != nil {
		close(c.room)
		c.room = nil
	}
	c.wake.Signal()
	c.mu.Unlock()
	_ = c.nc.Close()
}
