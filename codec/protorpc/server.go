package protorpc

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/internal/workers"
	"github.com/protomicro/micro/status"
)

const (
	drainGrace   = time.Second // for a client to close after the last of its calls on a connection that drains
	rememberMost = 256         // methods that a connection remembers
)

// A server is the answering side of a connection.
type server struct {
	conn
	ctx      context.Context // for values only
	handler  codec.Handler
	running  sync.WaitGroup
	peerName string
	loop     *workers.Loop // that reads; nil without a pool
	ended    chan error    // has room for why reading has ended

	// of the reader
	methods map[string]*method // that were called
	lastID  uint64

	// guarded by conn.mu
	calls    map[uint64]*serverCall // by id, until either side has ended them
	handlers int                    // calls that count against the limit, see serverCall.counts
	draining bool
	grace    *time.Timer
}

// A method is what a connection remembers of a method that was called on it.
type method struct {
	name string // allocated once
	pace workers.Pace
}

func newServer(ctx context.Context, nc net.Conn, h codec.Handler, cfg codec.Config) *server {
	s := &server{
		conn: newConn(nc, cfg), ctx: context.WithoutCancel(ctx), handler: h, peerName: nc.RemoteAddr().String(),
		ended: make(chan error, 1), methods: make(map[string]*method), calls: make(map[uint64]*serverCall),
	}
	if cfg.Workers != nil {
		s.loop = cfg.Workers.NewLoop(s.read)
	}
	return s
}

// read handles frames until the connection ends, or reading goes on elsewhere.
func (s *server) read() {
	if err := s.readLoop(s.frame); err != errElsewhere {
		s.cancelCalls() // here, since one of them may keep Serve from going on
		s.ended <- err
	}
}

// errElsewhere says that a handler took its time, and another goroutine reads now.
var errElsewhere = errors.New("reading goes on elsewhere")

// frame handles a frame from the client.
func (s *server) frame(f frame) error {
	switch f.typ {
	case typeCall, typeReset, typeWindow:
		var call *serverCall
		if f.id <= s.lastID {
			s.mu.Lock()
			call = s.calls[f.id]
			s.mu.Unlock()
		}
		switch {
		case call != nil:
			return call.frame(f)
		case f.id > s.lastID && f.typ == typeCall && f.flags&flagHead != 0:
			return s.accept(f)
		case f.id == 0 || f.id > s.lastID:
			return broken("a frame for call %d, which has not begun", f.id)
		}
		return nil // the call has ended here already
	case typePing:
		return s.ping(f)
	case typeGoAway:
		return io.EOF // the client closes
	case typeSettings:
		return broken("settings twice")
	}
	return nil // a type of frame from the future
}

// accept begins the call that f opens, or refuses it.
func (s *server) accept(f frame) error {
	head, tailBlock, body, err := f.sections()
	if err != nil {
		return err
	}
	if tailBlock != nil {
		return broken("an outcome from a client")
	}
	s.lastID = f.id
	if len(head) > s.lim.HeaderBytes {
		return s.refuse(f.id, status.Errorf(status.ResourceExhausted,
			"the head of the call has %d bytes, with its metadata; at most %d are accepted", len(head), s.lim.HeaderBytes))
	}
	k := &serverCall{server: s}
	k.call.Format, k.call.Peer = Format{}.Name(), s.peerName
	name, codecName, err := parseHead(head, &k.call)
	if err != nil {
		return err
	}
	m := s.method(name)
	k.call.Method = m.name
	if k.call.Codec = s.cfg.Codecs.Find(string(codecName)); k.call.Codec == nil {
		return s.refuse(f.id, status.Errorf(status.Unimplemented, "codec %q is not served here", codecName))
	}
	k.init(&s.conn)
	k.id, k.codec, k.bad = f.id, k.call.Codec, status.InvalidArgument
	k.ctx.values = s.ctx //nolint:fatcontext // the context of the connection, not of another call
	if k.call.Timeout > 0 {
		k.ctx.expireAfter(k.call.Timeout)
	}
	s.mu.Lock()
	full := s.handlers >= s.lim.Calls
	if ok := !full && !s.draining; ok {
		s.calls[f.id] = k
		s.handlers++
		k.counts = true
		s.running.Add(1)
	}
	draining := s.draining
	s.mu.Unlock()
	switch {
	case draining:
		k.ctx.cancel(context.Canceled)
		return s.refuse(f.id, status.Errorf(status.Unavailable, "the server is going away"))
	case full:
		k.ctx.cancel(context.Canceled)
		return s.refuse(f.id, status.Errorf(status.ResourceExhausted, "more than %d calls on one connection", s.lim.Calls))
	}
	if err := k.receive(f.flags, body); err != nil {
		k.done() // the handler does not run
		return err
	}
	switch {
	case s.loop == nil:
		go k.Run() // s.running waits for it
	case f.flags&flagEnd == 0: // it waits for more
		s.cfg.Workers.Go(k)
	case !s.loop.Run(k, &m.pace):
		return errElsewhere
	}
	return nil
}

// method returns what is remembered of the method called name.
func (s *server) method(name []byte) *method {
	m := s.methods[string(name)]
	if m == nil {
		m = &method{name: string(name)}
		if len(s.methods) < rememberMost && len(name) < rememberMost {
			s.methods[m.name] = m
		}
	}
	return m
}

// refuse ends a call that no handler will see.
func (s *server) refuse(id uint64, reason *status.Error) error {
	t := tail{err: reason, unprocessed: true}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.control(typeReset, 0, id, t.append(nil))
}

// drain refuses further calls and, when the last handler has returned, lets the connection end.
func (s *server) drain() {
	t := tail{err: status.Errorf(status.Unavailable, "the server is stopping")}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draining = true
	_ = s.control(typeGoAway, 0, 0, t.append(nil))
	s.closeIfDrained()
}

// closeIfDrained closes the connection a moment after the last call of a connection that drains, because a connection
// that is closed with bytes of the client unread could take the last responses with it. s.mu is held.
func (s *server) closeIfDrained() {
	if s.draining && s.handlers == 0 && s.grace == nil && s.err == nil {
		s.grace = time.AfterFunc(drainGrace, func() { s.fail(errClosed) })
	}
}

// discount takes a call off the limit. s.mu is held.
func (s *server) discount(k *serverCall) {
	if k.counts {
		k.counts = false
		s.handlers--
		s.closeIfDrained()
	}
}

// cancelCalls ends all calls when reading has ended.
func (s *server) cancelCalls() {
	s.mu.Lock()
	calls := make([]*serverCall, 0, len(s.calls))
	for _, k := range s.calls {
		calls = append(calls, k)
	}
	s.mu.Unlock()
	for _, k := range calls {
		k.abandon(context.Canceled)
	}
}

// end waits for the handlers when the connection has ended.
func (s *server) end() {
	s.mu.Lock()
	s.pinger.Stop()
	if s.grace != nil {
		s.grace.Stop()
	}
	s.mu.Unlock()
	s.running.Wait()
}
