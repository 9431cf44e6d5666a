package runtime

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/registry"
	"github.com/protomicro/micro/status"
)

const (
	retryAfter = 100 * time.Millisecond // after a failed dial, for which calls fail at once with its error
	oldMost    = 16                     // connections that end when their last call does; past that the oldest is closed
)

// A pool keeps one connection to each address that is in use.
type pool struct {
	client *Client
	ctx    context.Context //nolint:containedctx // ends with the client, and with it every dial
	links  sync.Map        // of *link, by address
	dials  sync.WaitGroup

	mu     sync.Mutex // guards below
	old    []codec.Conn
	closed bool
}

func newPool(ctx context.Context, c *Client) *pool { return &pool{client: c, ctx: ctx} }

// A link is the connection to one address.
type link struct {
	addr string
	conn atomic.Pointer[established]

	mu      sync.Mutex    // guards below
	dialing chan struct{} // closed when the dial under way has ended; nil without one
	err     error         // of the last dial
	failed  time.Time     // when it ended, if it failed

	forgotten bool // the pool has another link to the address, or none
}

type established struct{ codec.Conn }

// usable returns the connection if it takes calls.
func (l *link) usable() codec.Conn {
	if e := l.conn.Load(); e != nil {
		select {
		case <-e.Done():
		default:
			return e.Conn
		}
	}
	return nil
}

// conn returns a connection to the instance, dialled if there is none. The error is one of a call that was not sent.
func (p *pool) conn(ctx context.Context, in registry.Instance) (codec.Conn, error) {
	addr, err := p.client.choose(in)
	if err != nil {
		return nil, codec.NotSent(status.From(err))
	}
	for range attempts {
		l := p.link(addr)
		if conn := l.usable(); conn != nil {
			return conn, nil
		}
		dialing, err := p.dial(l)
		if err != nil {
			return nil, codec.NotSent(status.From(err))
		}
		if dialing == nil {
			continue // the link was forgotten meanwhile
		}
		select {
		case <-dialing:
		case <-ctx.Done():
			return nil, codec.NotSent(status.From(ctx.Err()))
		}
	}
	return nil, codec.NotSent(status.Errorf(status.Unavailable, "%s ends every connection as soon as it is made", addr))
}

// link returns what the pool knows of addr.
func (p *pool) link(addr string) *link {
	v, ok := p.links.Load(addr)
	if !ok {
		v, _ = p.links.LoadOrStore(addr, &link{addr: addr})
	}
	return v.(*link) //nolint:forcetypeassert // nothing else is stored
}

// dial starts a dial, unless one is under way or has failed a moment ago. It does not belong to the caller's context,
// because other calls wait for it too. For a link that the pool has forgotten it returns nothing.
func (p *pool) dial(l *link) (<-chan struct{}, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dialing != nil {
		return l.dialing, nil
	}
	if l.forgotten {
		return nil, nil
	}
	if l.err != nil && time.Since(l.failed) < retryAfter {
		return nil, l.err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, status.Errorf(status.Canceled, "the client is closed")
	}
	if e := l.conn.Swap(nil); e != nil {
		p.retire(e.Conn)
	}
	done := make(chan struct{})
	l.dialing = done
	p.dials.Go(func() {
		limits := p.client.Limits.WithDefaults()
		ctx, cancel := context.WithTimeout(p.ctx, limits.HandshakeTimeout)
		defer cancel()
		conn, err := p.client.dial(ctx, l.addr)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.dialing, l.err, l.failed = nil, nil, time.Time{}
		if err != nil {
			l.err, l.failed = status.Errorf(status.Unavailable, "connecting to %s: %v", l.addr, err), time.Now()
		} else {
			l.conn.Store(&established{conn})
		}
		close(done)
	})
	return done, nil
}

// retire keeps a connection that takes no further call until those on it have ended. p.mu is held.
func (p *pool) retire(conn codec.Conn) {
	p.old = append(p.old, conn)
	if len(p.old) > oldMost {
		oldest := p.old[0]
		p.old = p.old[1:]
		p.dials.Go(func() { _ = oldest.Close() })
	}
}

// keep forgets addresses that no instance has any more and to which there is no connection either: one that lives ends
// when the instance goes away or no longer answers.
func (p *pool) keep(instances []registry.Instance) {
	p.links.Range(func(_, v any) bool {
		l := v.(*link) //nolint:forcetypeassert // as stored
		if !slices.ContainsFunc(instances, func(in registry.Instance) bool { return slices.Contains(in.Addrs, l.addr) }) {
			p.forget(l)
		}
		return true
	})
}

func (p *pool) forget(l *link) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dialing != nil || l.usable() != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if e := l.conn.Swap(nil); e != nil {
		p.retire(e.Conn)
	}
	l.forgotten = true
	p.links.Delete(l.addr)
}

// close closes every connection and waits for the dials under way. p.ctx has ended.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	old := p.old
	p.old = nil
	p.mu.Unlock()
	p.dials.Wait()
	p.links.Range(func(_, v any) bool {
		if e := v.(*link).conn.Load(); e != nil { //nolint:forcetypeassert // as stored
			old = append(old, e.Conn)
		}
		return true
	})
	for _, conn := range old {
		_ = conn.Close()
	}
}

// choose returns the first of the instance's addresses whose scheme the client knows.
func (c *Client) choose(in registry.Instance) (string, error) {
	for _, addr := range in.Addrs {
		if scheme, _, ok := strings.Cut(addr, "://"); ok && c.target(scheme).transport != nil {
			return addr, nil
		}
	}
	return "", status.Errorf(status.Unavailable,
		"no address of instance %q has a scheme that this client knows: %q; an address looks like \"tcp://host:port\"", in.ID, in.Addrs)
}
