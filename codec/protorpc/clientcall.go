package protorpc

import (
	"context"
	"errors"
	"io"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/internal/bufpool"
	"github.com/protomicro/micro/status"
)

// A clientCall is the calling side of a call.
type clientCall struct {
	half
	ctx      context.Context
	client   *client
	head     *codec.Call
	sentEnd  bool // of the sender: Finish was called
	released bool // guarded by conn.mu

	// guarded by half.mu
	stop    func() bool // ends the watch over ctx
	header  codec.Meta
	trailer codec.Meta
}

// watch ends the call when ctx ends.
func (k *clientCall) watch() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ended == nil {
		k.stop = context.AfterFunc(k.ctx, func() { k.cancel(status.From(k.ctx.Err())) })
	}
}

// Send implements codec.Stream.
func (k *clientCall) Send(msg any) error { return k.write(msg, false) }

// Finish implements codec.Stream.
func (k *clientCall) Finish(last any, _ error) error { return k.write(last, true) }

// write sends msg, unless it is nil, and in front of it, once, the head. What cannot be sent ends the call.
func (k *clientCall) write(msg any, end bool) error {
	if k.sentEnd {
		return status.Errorf(status.Internal, "protorpc: sending after Finish")
	}
	if k.isEnded() {
		return io.EOF
	}
	k.sentEnd = end
	err := k.encode(msg, end)
	if err != nil && k.isEnded() {
		return io.EOF
	}
	if err != nil {
		k.cancel(err)
	}
	return err
}

func (k *clientCall) encode(msg any, end bool) error {
	d := k.newDraft(msg)
	defer func() { bufpool.Put(d.buf) }()
	if k.id == 0 {
		n := d.section(func(b []byte) []byte { return appendHead(b, k.head) })
		if most := k.c.peer.maxHead; n > most {
			return codec.NotSent(status.Errorf(status.ResourceExhausted,
				"the head of the call has %d bytes, with its metadata; the peer accepts %d", n, most))
		}
		d.head = len(d.buf.B)
	}
	d.tail = d.head
	if err := k.message(&d, msg); err != nil {
		return err
	}
	var flags byte
	if end {
		flags = flagEnd
	}
	err := k.send(k.ctx, &d, msg != nil, flags, k.put)
	if e, ok := errors.AsType[*status.Error](err); ok && k.id == 0 && !errors.Is(err, codec.ErrNotSent) {
		return codec.NotSent(e)
	}
	return err
}

func (k *clientCall) isEnded() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.ended != nil
}

// put queues a frame of the call; the first makes the call known to the peer.
func (k *clientCall) put(flags byte, p parts) error {
	c := k.client
	if k.id == 0 {
		if err := c.unusable(); err != nil {
			return codec.NotSent(err)
		}
		c.lastID++
		k.id = c.lastID
		c.slots[k.id] = k
	} else if k.released {
		return io.EOF
	}
	c.appendFrame(typeCall, flags, k.id, p)
	return nil
}

// Recv implements codec.Stream.
func (k *clientCall) Recv(msg any) error {
	err := k.recv(k.ctx, msg)
	if err != nil && err != io.EOF {
		k.cancel(err)
	}
	return err
}

// Header implements codec.Stream.
func (k *clientCall) Header() (codec.Meta, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for !k.begun && k.ended == nil {
		if k.more == nil {
			k.more = make(chan struct{})
		}
		more := k.more
		k.mu.Unlock()
		select {
		case <-more:
		case <-k.ctx.Done():
		}
		k.mu.Lock()
		if err := k.ctx.Err(); err != nil && !k.begun {
			return nil, status.From(err)
		}
	}
	if !k.begun && k.ended != io.EOF {
		return nil, k.ended
	}
	return k.header, nil
}

// Trailer implements codec.Stream.
func (k *clientCall) Trailer() codec.Meta {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.trailer
}

// Close implements codec.Stream.
func (k *clientCall) Close() error {
	k.cancel(errClosedCall)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.drop()
	return nil
}

var errClosedCall = status.Errorf(status.Canceled, "the call was closed on this side")

// frame handles a frame of the call.
func (k *clientCall) frame(f frame) error {
	switch f.typ {
	case typeWindow:
		n, err := parseWindow(f.payload)
		if err != nil {
			return err
		}
		return k.grant(n)
	case typeReset:
		t, err := k.c.tail(f.payload)
		if err != nil {
			return err
		}
		if t.err == nil {
			t.err = status.Errorf(status.Internal, "the peer reset the call without saying why")
		}
		var reason error = t.err
		if t.unprocessed {
			reason = codec.NotSent(t.err)
		}
		k.finishWith(t.trailer, reason)
		return nil
	}
	head, tailBlock, body, err := f.sections()
	if err != nil {
		return err
	}
	if head != nil {
		if err := k.setHeader(head); err != nil {
			return err
		}
	}
	if f.flags&flagMsg != 0 {
		var end error
		if f.flags&flagEnd != 0 && tailBlock == nil {
			end = io.EOF // with the message, so that a caller wakes once for both
		}
		tooLarge, err := k.deliver(body, f.flags&flagMore != 0, end)
		if err != nil {
			return err
		}
		if tooLarge != nil {
			k.reset(tooLarge)
			return nil
		}
	}
	if f.flags&flagEnd == 0 {
		return nil
	}
	t, err := k.c.tail(tailBlock)
	if err != nil {
		return err
	}
	if t.err != nil {
		k.finishWith(t.trailer, t.err)
	} else {
		k.finishWith(t.trailer, io.EOF)
	}
	return nil
}

func (k *clientCall) setHeader(block []byte) error {
	if len(block) > k.c.lim.HeaderBytes {
		k.reset(status.Errorf(status.ResourceExhausted, "response metadata of %d bytes, more than %d", len(block), k.c.lim.HeaderBytes))
		return nil
	}
	var head codec.Call
	if _, _, err := parseHead(block, &head); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.begun {
		return broken("the response head of call %d twice, or late", k.id)
	}
	k.header = head.Header
	k.begin()
	return nil
}

// finishWith ends the call: err is its outcome, or io.EOF.
func (k *clientCall) finishWith(trailer codec.Meta, err error) {
	k.mu.Lock()
	if k.ended == nil {
		k.trailer = trailer
		k.finish(err)
	}
	if k.dead == nil {
		k.dead = io.EOF // Recv says why
	}
	k.unblock()
	stop := k.stop
	k.mu.Unlock()
	if stop != nil {
		stop()
	}
	k.c.mu.Lock()
	k.client.release(k)
	k.c.mu.Unlock()
}

// cancel ends a call that has not ended, and tells the peer.
func (k *clientCall) cancel(reason error) {
	if !k.isEnded() {
		k.reset(reason)
	}
}

// reset ends the call on both sides.
func (k *clientCall) reset(reason error) {
	t := tail{err: plain(reason)}
	k.c.mu.Lock()
	if k.id != 0 && !k.released {
		_ = k.c.control(typeReset, 0, k.id, t.append(nil))
	}
	k.c.mu.Unlock()
	k.finishWith(nil, reason)
}

// plain returns err as an Error with its own message.
func plain(err error) *status.Error {
	if e, ok := errors.AsType[*status.Error](err); ok {
		return e
	}
	return status.From(err)
}
