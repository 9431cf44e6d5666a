package protorpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/status"
)

const (
	outBytes     = 256 << 10    // queued for the peer before senders have to wait
	controlBytes = 1 << 20      // queued before a peer that makes us answer but does not read is given up
	keepBytes    = 2 * outBytes // a buffer that has grown larger is not kept
	writePiece   = 64 << 10     // what a peer has to take within the write timeout
	minWindow    = 16 << 10
)

// A conn is what both sides of a connection share: one goroutine that reads, one that writes, and a buffer between the
// latter and all that send.
type conn struct {
	nc   net.Conn
	cfg  codec.Config
	lim  codec.Limits
	peer settings // valid after the handshake
	in   reader
	wg   sync.WaitGroup // of the goroutines of the connection

	reads atomic.Uint64 // reads from nc that yielded bytes

	written  chan struct{} // closed when the writer has ended
	channels sync.Pool     // of chan struct{} with room for one token, and perhaps a token, which wakes once too often

	mu      sync.Mutex    // guards below
	out     []byte        // frames to write
	spare   []byte        // what becomes out when the writer takes out
	wake    sync.Cond     // for the writer, when it is idle
	idle    bool          // the writer waits for wake
	room    chan struct{} // closed when out has been taken; nil if nobody waits
	closing error         // once out is written, the connection ends for that reason
	err     error         // why the connection has ended
	pinger  *time.Timer
	pinged  bool   // a ping is unanswered
	seen    uint64 // reads when the pinger last looked
}

func newConn(nc net.Conn, cfg codec.Config) conn {
	return conn{nc: nc, cfg: cfg, lim: cfg.Limits.WithDefaults(), in: reader{nc: nc}, written: make(chan struct{})}
}

// handshake sends our preface and settings, and reads the peer's: a client goes first.
func (c *conn) handshake(ctx context.Context, first bool) (err error) {
	c.wake.L = &c.mu
	c.in.reads = &c.reads
	stop := context.AfterFunc(ctx, func() { _ = c.nc.SetDeadline(time.Unix(1, 0)) })
	defer func() {
		if !stop() && err == nil {
			err = ctx.Err()
		}
		if err != nil {
			_ = c.nc.Close()
			return
		}
		_ = c.nc.SetDeadline(time.Time{})
	}()
	_ = c.nc.SetDeadline(time.Now().Add(c.lim.HandshakeTimeout))
	ours := settings{max(c.lim.WindowBytes, minWindow), c.lim.MessageBytes, c.lim.HeaderBytes, c.lim.Calls}
	block := ours.append(nil)
	hello := appendHeader(append([]byte(magic), version), len(block), typeSettings, 0, 0)
	hello = append(hello, block...)
	if first {
		if _, err := c.nc.Write(hello); err != nil {
			return fmt.Errorf("protorpc: handshake: %w", err)
		}
	}
	theirs, perr := c.preface()
	if !first && (perr == nil || errors.Is(perr, errVersion)) { // the peer learns which version we speak
		if _, err := c.nc.Write(hello); err != nil {
			return fmt.Errorf("protorpc: handshake: %w", err)
		}
	}
	if perr != nil {
		if ctx.Err() != nil {
			perr = ctx.Err()
		}
		return fmt.Errorf("protorpc: handshake: %w", perr)
	}
	c.peer = theirs
	return nil
}

var errVersion = errors.New("the peer speaks another version")

func (c *conn) preface() (settings, error) {
	b, err := c.in.next(len(magic) + 1)
	if err != nil {
		return settings{}, err
	}
	if string(b[:len(magic)]) != magic {
		return settings{}, broken("it starts with %q, which is not PROTO-RPC", b)
	}
	if v := b[len(magic)]; v != version {
		return settings{}, fmt.Errorf("%w: %d, not %d", errVersion, v, version)
	}
	f, err := c.in.frame()
	if err != nil {
		return settings{}, err
	}
	if f.typ != typeSettings {
		return settings{}, broken("the first frame is of type %d, not settings", f.typ)
	}
	return parseSettings(f.payload)
}

// A header section or a message part that is written behind a frame's header.
type parts struct{ head, tail, body []byte }

// appendFrame queues a frame. c.mu is held, and there is room.
func (c *conn) appendFrame(typ, flags byte, id uint64, p parts) {
	c.out = appendHeader(c.out, len(p.head)+len(p.tail)+len(p.body), typ, flags, id)
	c.out = append(c.out, p.head...)
	c.out = append(c.out, p.tail...)
	c.out = append(c.out, p.body...)
	if c.idle {
		c.idle = false
		c.wake.Signal()
	}
}

// control queues a frame that answers the peer, without waiting for room: the goroutine that reads must not wait for
// the one that writes. c.mu is held.
func (c *conn) control(typ, flags byte, id uint64, payload []byte) error {
	if len(c.out) > controlBytes {
		return broken("it does not read the answers that it asks for")
	}
	if c.err == nil && c.closing == nil {
		c.appendFrame(typ, flags, id, parts{body: payload})
	}
	return nil
}

// awaitRoom waits until frames may be queued, or ctx ends. c.mu is held, and released while it waits.
func (c *conn) awaitRoom(ctx context.Context) error {
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
	if c.err != nil {
		return c.failure()
	}
	return nil
}

var (
	errSilent = errors.New("the peer does not answer pings")
	errClosed = errors.New("the connection was closed on this side")
)

// failure says to the calls on the connection why it has ended. c.mu is held.
func (c *conn) failure() *status.Error {
	if c.err == io.EOF {
		return status.Errorf(status.Unavailable, "protorpc: %v closed the connection", c.nc.RemoteAddr())
	}
	return status.Errorf(status.Unavailable, "protorpc: connection to %v: %v", c.nc.RemoteAddr(), c.err)
}

// writeLoop writes what is queued until the connection ends.
func (c *conn) writeLoop() {
	defer close(c.written)
	c.mu.Lock()
	for {
		for len(c.out) == 0 && c.err == nil && c.closing == nil {
			c.idle = true
			c.wake.Wait()
		}
		c.idle = false
		if c.err != nil || len(c.out) == 0 {
			break
		}
		c.mu.Unlock()
		runtime.Gosched() // whoever is about to send shares the write
		c.mu.Lock()
		buf := c.out
		c.out, c.spare = c.spare[:0], nil
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

// channel returns a channel for a call that has to wait.
func (c *conn) channel() chan struct{} {
	if ch, ok := c.channels.Get().(chan struct{}); ok {
		return ch
	}
	return make(chan struct{}, 1)
}

// tail reads how a call or the connection ends.
func (c *conn) tail(block []byte) (tail, error) {
	if most := c.lim.HeaderBytes; len(block) > most {
		return tail{err: status.Errorf(status.ResourceExhausted, "an outcome of %d bytes, more than %d", len(block), most)}, nil
	}
	return parseTail(block)
}

// readLoop hands every frame to handle until the connection ends, and says why it did. A peer that broke the protocol
// is told so.
func (c *conn) readLoop(handle func(frame) error) error {
	for {
		f, err := c.in.frame()
		if err == nil {
			err = handle(f)
		}
		if err == nil {
			continue
		}
		if err == errElsewhere {
			return err
		}
		if protocolError(err) != nil {
			c.close(err)
			<-c.written
		}
		c.fail(err)
		return err
	}
}

// close tells the peer why the connection ends, and ends it once that is written.
func (c *conn) close(reason error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil || c.closing != nil {
		return
	}
	last := tail{err: status.Errorf(status.Internal, "%v", reason)}
	_ = c.control(typeGoAway, 0, 0, last.append(nil))
	c.closing = reason
	c.wake.Signal()
}

// fail ends the connection; the first reason counts.
func (c *conn) fail(err error) {
	c.mu.Lock()
	if c.err == nil {
		c.err = err
		if c.room != nil {
			close(c.room)
			c.room = nil
		}
		c.wake.Signal()
	}
	c.mu.Unlock()
	_ = c.nc.Close()
}

// ping handles a ping frame.
func (c *conn) ping(f frame) error {
	if len(f.payload) != 8 {
		return broken("a ping of %d bytes", len(f.payload))
	}
	if f.flags&flagAck != 0 {
		return nil // that bytes have come is all that counts
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.control(typePing, flagAck, 0, f.payload)
}

// keepAlive pings the peer whenever it has been silent for the interval, and fails the connection if it stays so.
func (c *conn) keepAlive() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pinger = time.AfterFunc(c.lim.PingInterval, c.lookForLife)
}

func (c *conn) lookForLife() {
	reads := c.reads.Load()
	c.mu.Lock()
	silent := reads == c.seen
	dead := silent && c.pinged
	c.seen = reads
	switch {
	case dead, c.err != nil:
	case silent:
		c.pinged = true
		if len(c.out) == 0 { // a connection at rest holds no buffers
			c.out, c.spare = nil, nil
		}
		_ = c.control(typePing, 0, 0, make([]byte, 8))
		c.pinger.Reset(c.lim.PingTimeout)
	default:
		c.pinged = false
		c.pinger.Reset(c.lim.PingInterval)
	}
	c.mu.Unlock()
	if dead {
		c.fail(errSilent)
	}
}
