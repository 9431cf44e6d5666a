package protorpc

import (
	"context"
	"errors"
	"io"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/internal/bufpool"
	"github.com/protomicro/micro/status"
)

// A serverCall is the answering side of a call, and the task that serves it.
type serverCall struct {
	half
	server *server
	call   codec.Call
	ctx    callContext
	counts bool // until its outcome is queued or, if the client has ended it, its handler has returned; guarded by conn.mu

	// of the handler's goroutine
	header    codec.Meta
	trailer   codec.Meta
	wroteHead bool
	wroteTail bool
	torn      bool // part of a message was sent, and its rest was not
}

// Run serves the call.
func (k *serverCall) Run() {
	defer k.done()
	k.server.handler.ServeCall(&k.ctx, &k.call, k)
}

// done ends the call when its handler has returned.
func (k *serverCall) done() {
	k.c.mu.Lock()
	delete(k.server.calls, k.id)
	k.server.discount(k)
	k.c.mu.Unlock()
	k.stop(context.Canceled)
	k.server.running.Done()
}

// frame handles a further frame of the call.
func (k *serverCall) frame(f frame) error {
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
		reason := context.Canceled
		if t.err != nil && t.err.Code == status.DeadlineExceeded {
			reason = context.DeadlineExceeded
		}
		k.abandon(reason)
		return nil
	}
	head, tailBlock, body, err := f.sections()
	if err != nil {
		return err
	}
	if head != nil || tailBlock != nil {
		return broken("a second head, or an outcome, from a client")
	}
	return k.receive(f.flags, body)
}

// receive takes in what a call frame carries besides its head.
func (k *serverCall) receive(flags byte, body []byte) error {
	if flags&flagMsg != 0 {
		if k.isEnded() {
			return broken("a message of call %d after its last", k.id)
		}
		var end error
		if flags&flagEnd != 0 {
			end = io.EOF
		}
		if _, err := k.deliver(body, flags&flagMore != 0, end); err != nil {
			return err
		}
	} else if flags&flagEnd != 0 {
		k.mu.Lock()
		k.finish(io.EOF)
		k.mu.Unlock()
	}
	return nil
}

func (k *serverCall) isEnded() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.ended == io.EOF
}

// abandon ends the call on this side: the handler's context ends, and what it sends goes nowhere.
func (k *serverCall) abandon(reason error) {
	k.c.mu.Lock()
	delete(k.server.calls, k.id)
	k.c.mu.Unlock()
	k.stop(reason)
}

// stop ends the handler's context and whatever it waits for.
func (k *serverCall) stop(reason error) {
	k.ctx.cancel(reason)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ended == nil || k.ended == io.EOF {
		outcome := errCanceled
		if reason != context.Canceled {
			outcome = status.From(reason)
		}
		k.finish(outcome)
		k.ended = outcome
	}
	k.dead = k.ended
	k.unblock()
	k.drop()
}

var errCanceled = status.From(context.Canceled)

// Header implements codec.Stream.
func (k *serverCall) Header() (codec.Meta, error) { return k.call.Header, nil }

// Trailer implements codec.Stream.
func (k *serverCall) Trailer() codec.Meta { return nil }

// SetHeader implements codec.Responder.
func (k *serverCall) SetHeader(meta codec.Meta) error {
	if k.wroteHead {
		return status.Errorf(status.FailedPrecondition, "response metadata is on its way already")
	}
	k.header = append(k.header, meta...)
	return nil
}

// SetTrailer implements codec.Responder.
func (k *serverCall) SetTrailer(meta codec.Meta) error {
	k.trailer = append(k.trailer, meta...)
	return nil
}

// Recv implements codec.Stream.
func (k *serverCall) Recv(msg any) error { return k.recv(&k.ctx, msg) }

// Send implements codec.Stream.
func (k *serverCall) Send(msg any) error { return k.write(msg, nil) }

// Finish implements codec.Stream. A last message that cannot be encoded becomes the outcome.
func (k *serverCall) Finish(last any, outcome error) error {
	if outcome != nil {
		last = nil
	}
	err := k.write(last, &tail{err: status.From(outcome), trailer: k.trailer})
	if err != nil && !k.wroteTail {
		return errors.Join(err, k.write(nil, &tail{err: status.From(err), trailer: k.trailer}))
	}
	return err
}

// Close implements codec.Stream.
func (k *serverCall) Close() error {
	k.abandon(context.Canceled)
	return nil
}

// write sends msg, unless it is nil, and with it the response metadata if it is the first, and the outcome if there is
// one.
func (k *serverCall) write(msg any, end *tail) error {
	d := k.newDraft(msg)
	defer func() { bufpool.Put(d.buf) }()
	if !k.wroteHead && len(k.header) > 0 {
		n := d.section(func(b []byte) []byte { return appendMeta(b, 5, k.header) })
		if err := k.checkHead(n); err != nil {
			k.header = nil
			return err
		}
	}
	d.head = len(d.buf.B)
	flags := byte(0)
	if end != nil {
		flags = flagEnd
		if end.err != nil || len(end.trailer) > 0 {
			n := d.section(end.append)
			if err := k.checkHead(n); err != nil {
				k.trailer = nil
				return err
			}
			flags |= flagTail
		}
	}
	d.tail = len(d.buf.B)
	if k.torn && msg != nil {
		return status.Errorf(status.Internal, "protorpc: sending after a message that was cut short")
	}
	if err := k.message(&d, msg); err != nil {
		return err
	}
	k.wroteHead = true
	err := k.send(&k.ctx, &d, msg != nil, flags, k.put)
	k.torn = k.torn || err != nil && msg != nil
	return err
}

func (k *serverCall) checkHead(n int) error {
	if most := k.c.peer.maxHead; n > most {
		return status.Errorf(status.ResourceExhausted, "response metadata of %d bytes; the peer accepts %d", n, most)
	}
	return nil
}

func (k *serverCall) put(flags byte, p parts) error {
	s := k.server
	if s.calls[k.id] != k {
		return status.From(context.Canceled)
	}
	if flags&flagEnd != 0 {
		delete(s.calls, k.id)
		k.wroteTail = true
		s.discount(k)
	}
	s.appendFrame(typeCall, flags, k.id, p)
	return nil
}
