package objectrpc

import (
	"context"
	"sync"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/status"
)

// waitMost is how many calls of batches wait for their turn.
const waitMost = 100

// A session is the calls that one peer makes, wherever the answers go.
type session struct {
	pipe    Pipe
	wire    Wire
	ctx     context.Context // ends with the session
	cancel  context.CancelFunc
	handler codec.Handler
	cfg     codec.Config
	lim     codec.Limits
	peer    string
	drained func()         // called, with mu held, when the last call of a session that drains has ended
	wg      sync.WaitGroup // of the calls

	mu       sync.Mutex             // guards below; may be held while that of an outlet is taken
	calls    map[string]*serverCall // that run or wait and can be spoken of, by id
	running  int                    // calls that count against the limit
	handlers int                    // that have not returned
	waiting  []*serverCall          // of batches
	extended bool                   // the peer understands more than the published format
	draining bool
	ended    bool
}

// newSession returns a session whose calls end with ctx at the latest.
func newSession(ctx context.Context, p Pipe, h codec.Handler, cfg codec.Config, wire Wire, peer string) *session {
	ctx, cancel := context.WithCancel(ctx)
	return &session{
		pipe: p, wire: wire, ctx: ctx, cancel: cancel, handler: h, cfg: cfg, lim: cfg.Limits.WithDefaults(), peer: peer,
		calls: make(map[string]*serverCall),
	}
}

// frame handles an object from the client, and puts the answer into out.
func (s *session) frame(f *Frame, out outlet) {
	switch f.Type {
	case Request:
		s.accept(f, out, false)
	case Malformed:
		s.answer(&Frame{Type: Response, ID: f.ID, Err: f.Err, Number: f.Number, Extended: f.Extended}, out)
	case Message, End:
		if k := s.find(f.ID); k != nil {
			k.receive(f)
		}
	case Cancel:
		if k := s.find(f.ID); k != nil {
			k.stop()
		}
	case Credit:
		if k := s.find(f.ID); k != nil {
			k.addCredit(f.Credit)
		}
	case Batch:
		newBatch(s, out).run(f.Batch)
	case Nothing, Response, GoAway:
	}
}

// accept begins the call that f asks for, or refuses it. A call of a batch may wait for its turn.
func (s *session) accept(f *Frame, out outlet, batched bool) {
	k := newServerCall(s, f, out)
	if refusal := s.admit(k, f, batched); refusal != nil {
		k.cancel()
		if f.ID != nil {
			s.answer(refusal, out)
		}
	}
}

// admit puts k on the books and lets it begin, now or later, or returns the answer that refuses it.
func (s *session) admit(k *serverCall, f *Frame, batched bool) (refusal *Frame) {
	named := f.ID != nil && !s.wire.NullID(f.ID)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.extended = s.extended || f.Extended
	full := s.running >= s.lim.Calls
	switch {
	case s.draining || s.ended:
		return refuse(f, status.Errorf(status.Unavailable, "the server is going away"), 0)
	case named && s.calls[string(f.ID)] != nil:
		return refuse(f, status.Errorf(status.InvalidArgument, "a call with the same id runs already"), InvalidRequest)
	case f.Kind != codec.Unary && (!named || batched):
		err := status.Errorf(status.InvalidArgument, "a %s needs an id, and a request outside of batches", f.Kind)
		return refuse(f, err, InvalidRequest)
	case full && (!batched || len(s.waiting) == waitMost):
		return refuse(f, status.Errorf(status.ResourceExhausted, "more than %d calls on one connection", s.lim.Calls), 0)
	}
	if named {
		s.calls[string(f.ID)] = k
	}
	if full {
		s.waiting = append(s.waiting, k)
		return nil
	}
	s.running++
	k.welcome()
	s.begin(k)
	return nil
}

// refuse returns the answer to a call that no handler will see.
func refuse(f *Frame, err *status.Error, number int) *Frame {
	return &Frame{Type: Response, ID: f.ID, Err: err, Number: number, Extended: f.Extended, Unprocessed: f.Extended}
}

// InvalidRequest is the number of an error of a request that is not one.
const InvalidRequest = -32600

func (s *session) find(id []byte) *serverCall {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[string(id)]
}

// answer sends an object that answers the peer, without waiting for room: whoever reads must not wait for the writer.
func (s *session) answer(f *Frame, out outlet) {
	_ = out.putNow(s.wire.AppendObject(nil, f))
}

// discount takes a call off the limit and its id off the books when its outcome is about to go out, and lets the next begin.
func (s *session) discount(k *serverCall) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calls[string(k.id)] == k {
		delete(s.calls, string(k.id))
	}
	if len(s.waiting) == 0 {
		s.running--
		return
	}
	next := s.waiting[0]
	s.waiting = s.waiting[1:]
	s.begin(next)
}

// begin lets the handler of k run. s.mu is held.
func (s *session) begin(k *serverCall) {
	s.handlers++
	s.wg.Add(1)
	if s.cfg.Workers != nil {
		s.cfg.Workers.Go(k)
	} else {
		go k.Run() // s.wg waits for it
	}
}

// release notes that a handler has returned.
func (s *session) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.handlers--; s.handlers == 0 && s.draining && s.drained != nil {
		s.drained()
	}
	s.wg.Done()
}

// drain refuses further calls.
func (s *session) drain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draining = true
	if s.handlers == 0 && s.drained != nil {
		s.drained()
	}
}

// end cancels all calls and waits for their handlers.
func (s *session) end() {
	s.mu.Lock()
	s.ended = true
	s.waiting = nil
	s.mu.Unlock()
	s.cancel()
	s.wg.Wait()
}
