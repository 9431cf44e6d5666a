package protorpc

import (
	"context"
	"sync"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/internal/bufpool"
	"github.com/protomicro/micro/status"
)

// A half is what both sides of a call share: the messages that have come, and how much may be sent.
type half struct {
	c     *conn
	codec codec.Codec
	id    uint64      // 0 until the head is queued
	bad   status.Code // of a message that cannot be decoded

	mu      sync.Mutex // guards below
	queue   []inMessage
	first   [1]inMessage  // the room of queue in the calls that receive one message
	head    int           // the first of queue that is not taken
	partial inMessage     // the message of which a part has come
	window  int           // what the peer may send still
	owed    int           // what was taken, and the peer may send once it is told
	begun   bool          // the peer has begun to send: its head, a message or its end
	ended   error         // what Recv returns once queue is empty
	dead    error         // why nothing can be sent any more: the call is over
	notify  chan struct{} // has a token when there is something to look at; nil if nobody has waited
	waits   bool          // somebody waits for notify
	credit  int           // what may be sent
	more    chan struct{} // closed when credit has grown or the call ended; nil if nobody waits
}

// An inMessage is a message, or the first part of one, and what it counts against the window.
type inMessage struct {
	buf  *bufpool.Buffer
	cost int
}

func (h *half) init(c *conn) {
	h.c = c
	h.queue = h.first[:0]
	h.window = max(c.lim.WindowBytes, minWindow)
	h.credit = c.peer.window
}

// deliver takes in a part of a message that has come, and if end is not nil, what Recv returns after it. The call goes on
// after an oversize message, but receives no more.
func (h *half) deliver(body []byte, more bool, end error) (tooLarge, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	cost := len(body) + frameCost
	if h.window -= cost; h.window < 0 {
		return nil, broken("call %d sent more than its window", h.id)
	}
	if h.ended != nil {
		return nil, nil
	}
	h.begin()
	p := h.partial
	size := len(body)
	if p.buf != nil {
		size += len(p.buf.B)
	}
	if size > h.c.lim.MessageBytes {
		tooLarge = status.Errorf(status.ResourceExhausted, "a message of more than %d bytes", h.c.lim.MessageBytes)
		h.finish(tooLarge)
		return tooLarge, nil
	}
	if p.buf == nil {
		p.buf = bufpool.Get(len(body))
	} else if size > cap(p.buf.B) {
		grown := bufpool.Get(min(max(size, 2*cap(p.buf.B)), h.c.lim.MessageBytes))
		grown.B = append(grown.B, p.buf.B...)
		bufpool.Put(p.buf)
		p.buf = grown
	}
	p.buf.B = append(p.buf.B, body...)
	p.cost += cost
	if more {
		h.partial = p
		h.creditPartial()
		return nil, nil
	}
	h.partial = inMessage{}
	if h.head > 0 && len(h.queue) == cap(h.queue) { // reuse the room of those that were taken
		n := copy(h.queue, h.queue[h.head:])
		clear(h.queue[n:])
		h.queue, h.head = h.queue[:n], 0
	}
	h.queue = append(h.queue, p)
	h.ended = end
	h.signal()
	return nil, nil
}

// begin notes that the peer's head, if there was one, has come. h.mu is held.
func (h *half) begin() {
	if !h.begun {
		h.begun = true
		h.unblock()
	}
}

// creditPartial lets the peer send the rest of a message that a receiver can only take whole. h.mu is held.
func (h *half) creditPartial() {
	if h.head == len(h.queue) {
		h.pay(h.partial.cost)
		h.partial.cost = 0
	}
}

// pay lets the peer send n more, and tells it so once that is worth a frame. h.mu is held.
func (h *half) pay(n int) {
	h.owed += n
	if h.ended != nil || h.owed < max(h.c.lim.WindowBytes, minWindow)/2 {
		return
	}
	n, h.owed = h.owed, 0
	h.window += n
	h.c.mu.Lock()
	defer h.c.mu.Unlock()
	_ = h.c.control(typeWindow, 0, h.id, appendWindow(nil, n))
}

// finish ends the receiving half: Recv returns err once it has returned what has come. h.mu is held.
func (h *half) finish(err error) {
	if h.ended != nil {
		return
	}
	h.ended = err
	if h.partial.buf != nil {
		bufpool.Put(h.partial.buf)
		h.partial = inMessage{}
	}
	h.signal()
}

// drop gives back what will not be used any more. h.mu is held, and the half has ended.
func (h *half) drop() {
	if h.notify != nil && !h.waits {
		h.c.channels.Put(h.notify)
		h.notify = nil
	}
	for _, m := range h.queue[h.head:] {
		bufpool.Put(m.buf)
	}
	h.queue, h.head = nil, 0
}

func (h *half) signal() {
	if h.notify != nil {
		select {
		case h.notify <- struct{}{}:
		default:
		}
	}
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
	for h.head == len(h.queue) {
		if err := h.ended; err != nil {
			h.mu.Unlock()
			return inMessage{}, err
		}
		if h.notify == nil {
			h.notify = h.c.channel()
		}
		notify := h.notify
		h.waits = true
		h.mu.Unlock()
		select {
		case <-notify:
			h.mu.Lock()
			h.waits = false
		case <-ctx.Done():
			h.mu.Lock()
			h.waits = false
			h.mu.Unlock()
			return inMessage{}, status.From(ctx.Err())
		}
	}
	defer h.mu.Unlock()
	m := h.queue[h.head]
	h.queue[h.head] = inMessage{}
	if h.head++; h.head == len(h.queue) {
		h.queue, h.head = h.queue[:0], 0
	}
	h.pay(m.cost)
	if h.partial.buf != nil {
		h.creditPartial()
	}
	return m, nil
}

// grant adds to what may be sent.
func (h *half) grant(n int) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.credit += n; h.credit > maxWindow {
		return broken("a window of more than %d bytes for call %d", maxWindow, h.id)
	}
	h.unblock()
	return nil
}

func (h *half) unblock() {
	if h.more != nil {
		close(h.more)
		h.more = nil
	}
}

// reserve waits until a part of a message with n bytes may be sent, and returns how large the part may be.
func (h *half) reserve(ctx context.Context, n int) (int, error) {
	n = min(n, maxFragment)
	h.mu.Lock()
	defer h.mu.Unlock()
	for h.credit < frameCost+min(n, 1) {
		if h.dead != nil {
			return 0, h.dead
		}
		if h.more == nil {
			h.more = make(chan struct{})
		}
		more := h.more
		h.mu.Unlock()
		select {
		case <-more:
			h.mu.Lock()
		case <-ctx.Done():
			h.mu.Lock()
			return 0, status.From(ctx.Err())
		}
	}
	n = min(n, h.credit-frameCost)
	h.credit -= n + frameCost
	return n, nil
}
