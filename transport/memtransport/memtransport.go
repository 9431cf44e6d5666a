// Package memtransport connects what runs in one process: a network of its own, whose addresses are plain names.
package memtransport

import (
	"context"
	"io"
	"net"
	"strconv"
	"sync"
	"syscall"
)

// backlog is how many connections may wait to be accepted, as with a TCP listener.
const backlog = 4096

// A Transport is a network inside the process. Two Transports do not see each other. It implements
// transport.Transport and is safe for concurrent use.
type Transport struct {
	mu        sync.Mutex // guards below
	listeners map[string]*listener
	dialed    uint64 // connections made, to give each dialer an address
}

// New returns a network on which nobody listens.
func New() *Transport { return &Transport{listeners: make(map[string]*listener)} }

// Scheme returns "mem".
func (t *Transport) Scheme() string { return "mem" }

// Listen accepts the connections to addr, which may be any name. The listener's Close refuses those that wait to be
// accepted.
func (t *Transport) Listen(ctx context.Context, addr string) (net.Listener, error) {
	if err := ctx.Err(); err != nil {
		return nil, opError("listen", addr, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.listeners[addr] != nil {
		return nil, opError("listen", addr, syscall.EADDRINUSE)
	}
	l := &listener{transport: t, name: addr}
	l.ready.L = &l.mu
	t.listeners[addr] = l
	return l, nil
}

// Dial connects to who listens on addr. It does not wait until the connection is accepted.
func (t *Transport) Dial(ctx context.Context, addr string) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, opError("dial", addr, err)
	}
	t.mu.Lock()
	l := t.listeners[addr]
	t.dialed++
	local := addr + "#" + strconv.FormatUint(t.dialed, 10)
	t.mu.Unlock()
	if l == nil {
		return nil, opError("dial", addr, syscall.ECONNREFUSED)
	}
	p := newPipe(local, addr)
	if !l.enqueue(&p.b) {
		return nil, opError("dial", addr, syscall.ECONNREFUSED)
	}
	return &p.a, nil
}

func (t *Transport) remove(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.listeners, name)
}

// Pipe returns the two ends of a connection that is buffered both ways.
func Pipe() (net.Conn, net.Conn) {
	p := newPipe("pipe", "pipe")
	return &p.a, &p.b
}

type listener struct {
	transport *Transport
	name      string
	mu        sync.Mutex // guards below
	ready     sync.Cond  // pending or closed has changed
	pending   []*conn
	closed    bool
}

func (l *listener) Addr() net.Addr { return address(l.name) }

func (l *listener) enqueue(c *conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || len(l.pending) >= backlog {
		return false
	}
	l.pending = append(l.pending, c)
	l.ready.Signal()
	return true
}

func (l *listener) Accept() (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.pending) == 0 && !l.closed {
		l.ready.Wait()
	}
	if l.closed {
		return nil, opError("accept", l.name, net.ErrClosed)
	}
	c := l.pending[0]
	l.pending[0] = nil
	l.pending = l.pending[1:]
	return c, nil
}

func (l *listener) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	l.transport.remove(l.name)
	for _, c := range l.pending {
		c.close(syscall.ECONNRESET)
	}
	l.pending = nil
	l.ready.Broadcast()
	return nil
}

type address string

func (a address) Network() string { return "mem" }
func (a address) String() string  { return string(a) }

// opError names the operation and the address, except of io.EOF, which readers compare.
func opError(op, addr string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return &net.OpError{Op: op, Net: "mem", Addr: address(addr), Err: err}
}
