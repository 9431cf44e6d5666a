package objectrpc

import (
	"context"
	"sync"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/internal/bufpool"
	"github.com/protomicro/micro/status"
)

// A half is what both sides of a call share: the messages that have come, and how much may be sent.
type half struct {
	codec codec.Codec
	bad   status.Code // of a message that cannot be decoded
	most  int         // what the peer may send that is not taken
	grant func(n int) // lets the peer send n bytes more; nil if it sends no stream

	mu      sync.Mutex    // guards below
	changed chan struct{} // closed when anything below has changed; nil if nobody waits
	queue   []inMessage   // what has come and is not taken
	window  int           // what the peer may send still
	owed    int           // what was taken, and the peer may send once it is told
	ended   error         // what Recv returns once queue is empty
	dead    error         // why nothing can be sent any more
	bounded bool          // credit counts
	credit  int           // what may be sent
}

// An inMessage is a message that has come, and what it counts against the window.
type inMessage struct {
	buf  *bufpool.Buffer
	cost int
}

// wait releases h.mu until something has changed or ctx ends, whose error it returns. h.mu is held.
func (h *half) wait(ctx context.Context) error {
	if h.changed == nil {
		h.changed = make(chan struct{})
	}
	changed := h.changed
	h.mu.Unlock()
	defer h.mu.Lock()
	select {
	case <-changed:
		return nil
	case <-ctx.Done():
		return status.From(ctx.Err())
	}
}

// signal wakes those who wait. h.mu is held.
func (h *half) signal() {
	if h.changed != nil {
		close(h.changed)
		h.changed = nil
	}
}

// deliver takes in a message of a stream. The error is that of a peer which sent more than it may.
func (h *half) deliver(body []byte) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended != nil {
		return nil
	}
	if h.window <= 0 {
		return status.Errorf(status.ResourceExhausted, "the peer sends faster than its messages are read, without waiting for credit")
	}
	cost := len(body) + MessageCost
	h.window -= cost
	h.append(body, cost)
	return nil
}

// append puts a message at the end of the queue. h.mu is held.
func (h *half) append(body []byte, cost int) {
	buf := bufpool.Get(len(body))
	buf.B = append(buf.B, body...)
	h.queue = append(h.queue, inMessage{buf, cost})
	h.signal()
}

// single takes in a message that is not of a stream.
func (h *half) single(body []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended == nil {
		h.append(body, 0)
	}
}

// finish ends the receiving half: Recv returns err once it has returned what has come.
func (h *half) finish(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended == nil {
		h.ended = err
		h.signal()
	}
}

// drop forgets what has come, and lets Recv return err.
func (h *half) drop(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, m := range h.queue {
		bufpool.Put(m.buf)
	}
	h.queue, h.ended = nil, err
	if h.dead == nil {
		h.dead = err
	}
	h.signal()
}

// kill lets nothing be sent any more.
func (h *half) kill(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.dead == nil {
		h.dead = err
		h.signal()
	}
}

func (h *half) isEnded() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ended != nil
}

// recv waits for the next message and decodes it into msg.
func (h *half) recv(ctx context.Context, msg any) error {
	m, err := h.take(ctx)
	if err != nil {
		return err
	}
	defer bufpool.Put(m.buf)
	if msg == nil {
		return nil
	}
	if err := h.codec.Unmarshal(m.buf.B, msg); err != nil {
		return &status.Error{Code: h.bad, Message: status.From(err).Message}
	}
	return nil
}

func (h *half) take(ctx context.Context) (inMessage, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(h.queue) == 0 {
		if h.ended != nil {
			return inMessage{}, h.ended
		}
		if err := h.wait(ctx); err != nil && len(h.queue) == 0 {
			return inMessage{}, err
		}
	}
	m := h.queue[0]
	h.queue[0] = inMessage{}
	h.queue = h.queue[1:]
	if h.owed += m.cost; h.grant != nil && h.ended == nil && h.owed >= h.most/2 {
		h.window += h.owed
		h.grant(h.owed)
		h.owed = 0
	}
	return m, nil
}

// addCredit lets n bytes more be sent.
func (h *half) addCredit(n int) {
	const maxCredit = 1 << 40
	h.mu.Lock()
	defer h.mu.Unlock()
	h.credit = min(h.credit+min(max(n, 0), maxCredit), maxCredit)
	h.signal()
}

// reserve waits until a message with n bytes may be sent.
func (h *half) reserve(ctx context.Context, n int) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for h.dead == nil && h.bounded && h.credit <= 0 {
		if err := h.wait(ctx); err != nil {
			return err
		}
	}
	if h.dead != nil {
		return h.dead
	}
	h.credit -= n + MessageCost
	return nil
}
