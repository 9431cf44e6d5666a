package objectrpc

import (
	"context"
	"io"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/internal/bufpool"
	"github.com/protomicro/micro/status"
)

// A clientCall is the calling side of a call.
type clientCall struct {
	half
	ctx    context.Context
	client *client
	head   *codec.Call
	id     []byte
	stop   func() bool // ends the watch over ctx; of whoever closes

	// of the sender
	request []byte // of a call with one request, until Finish
	sentEnd bool

	// guarded by half.mu
	sent     bool // the head was sent
	begun    bool // the server has begun to answer
	received bool // a message of the stream has come
	header   codec.Meta
	trailer  codec.Meta
}

func newClientCall(ctx context.Context, c *client, head *codec.Call) *clientCall {
	k := &clientCall{ctx: ctx, client: c, head: head}
	k.codec, k.bad = c.pipe.Codec, status.Internal
	k.most = max(c.lim.WindowBytes, StartWindow)
	k.window = k.most
	k.bounded, k.credit = true, StartWindow
	if head.Kind == codec.ServerStream || head.Kind == codec.BidiStream {
		k.grant = func(n int) { _ = k.putNow(&Frame{Type: Credit, ID: k.id, Credit: n}) }
	}
	return k
}

// put sends an object of the call.
func (k *clientCall) put(f *Frame) error {
	buf := bufpool.Get(len(f.Body))
	defer bufpool.Put(buf)
	buf.B = k.client.wire.AppendObject(buf.B, f)
	return k.client.put(k.ctx, buf.B)
}

// putNow sends an object of the call without waiting.
func (k *clientCall) putNow(f *Frame) error {
	return k.client.putNow(k.client.wire.AppendObject(nil, f))
}

// begin sends the head of the call, with its message if it has only one. An error promises that nothing was sent.
func (k *clientCall) begin(body []byte) error {
	f := Frame{Type: Request, ID: k.id, Method: k.head.Method, Kind: k.head.Kind, Body: body}
	if !k.client.pipe.Plain {
		f.Extended, f.Timeout, f.Header = true, k.head.Timeout, k.head.Header
		if k.grant != nil {
			f.Credit = k.most
		}
	}
	k.mu.Lock()
	ended := k.ended
	k.sent = ended == nil // from here on a cancellation is told
	k.mu.Unlock()
	if ended != nil {
		return codec.NotSent(status.From(ended))
	}
	if err := k.put(&f); err != nil {
		return codec.NotSent(status.From(err))
	}
	if k.isEnded() { // perhaps the cancellation has overtaken the head
		k.tellCancel()
	}
	return nil
}

// tellCancel has the server cancel a call that may run there.
func (k *clientCall) tellCancel() {
	if !k.client.pipe.Plain {
		_ = k.putNow(&Frame{Type: Cancel, ID: k.id})
	}
}

func (k *clientCall) streams() bool {
	return k.head.Kind == codec.ClientStream || k.head.Kind == codec.BidiStream
}

// Send implements codec.Stream.
func (k *clientCall) Send(msg any) error {
	if !k.streams() {
		return k.keep(msg)
	}
	return k.write(msg, Message)
}

// Finish implements codec.Stream.
func (k *clientCall) Finish(last any, _ error) error {
	if k.streams() {
		err := k.write(last, End)
		k.sentEnd = true
		return err
	}
	if last != nil {
		if err := k.keep(last); err != nil {
			return err
		}
	}
	if k.sentEnd {
		return status.Errorf(status.Internal, "sending after Finish")
	}
	k.sentEnd = true
	if k.isEnded() {
		return io.EOF
	}
	err := k.begin(k.request)
	k.request = nil
	if err != nil {
		k.abandon(err, false)
	}
	return err
}

// keep encodes the only request of a call.
func (k *clientCall) keep(msg any) error {
	if k.request != nil || k.sentEnd {
		return status.Errorf(status.Internal, "a %s call has one request", k.head.Kind)
	}
	if k.isEnded() {
		return io.EOF
	}
	request, err := k.codec.MarshalAppend([]byte{}, msg)
	if err != nil {
		k.abandon(err, false)
		return err
	}
	k.request = request
	return nil
}

// write sends a message of a stream, or its end with the last message unless that is nil.
func (k *clientCall) write(msg any, typ Type) error {
	if k.sentEnd {
		return status.Errorf(status.Internal, "sending after Finish")
	}
	f := Frame{Type: typ, ID: k.id}
	var err error
	if msg != nil {
		buf := bufpool.Get(0)
		defer func() { bufpool.Put(buf) }()
		if buf.B, err = k.codec.MarshalAppend(buf.B, msg); err == nil {
			f.Body = buf.B
			err = k.reserve(k.ctx, len(f.Body))
		}
	}
	if err == nil && k.isEnded() {
		return io.EOF
	}
	if err == nil {
		err = k.put(&f)
	}
	if err != nil && k.isEnded() {
		return io.EOF // Recv says why
	}
	if err != nil {
		k.abandon(err, true)
	}
	return err
}

// Recv implements codec.Stream.
func (k *clientCall) Recv(msg any) error {
	err := k.recv(k.ctx, msg)
	if err != nil && err != io.EOF {
		k.abandon(err, true)
	}
	return err
}

// Header implements codec.Stream.
func (k *clientCall) Header() (codec.Meta, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for !k.begun && k.ended == nil {
		if err := k.wait(k.ctx); err != nil && !k.begun {
			return nil, err
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
	k.abandon(errClosedCall, true)
	k.drop(errClosedCall)
	k.stop()
	return nil
}

var errClosedCall = status.Errorf(status.Canceled, "the call was closed on this side")

// message takes in a message of the stream.
func (k *clientCall) message(f *Frame) {
	if f.Err != nil {
		k.abandon(f.Err, true)
		return
	}
	k.mu.Lock()
	k.received = true
	k.answer(f.Header)
	k.mu.Unlock()
	if err := k.deliver(f.Body); err != nil {
		k.abandon(err, true)
	}
}

// answer notes that the server has begun to answer. k.mu is held.
func (k *clientCall) answer(header codec.Meta) {
	if !k.begun {
		k.begun, k.header = true, header
		k.signal()
	}
}

// response takes in the end of the call.
func (k *clientCall) response(f *Frame) {
	k.mu.Lock()
	k.answer(f.Header)
	k.trailer = f.Trailer
	one := !k.received && (k.head.Kind == codec.Unary || k.head.Kind == codec.ClientStream)
	k.mu.Unlock()
	switch {
	case f.Err == nil && (one || !k.client.wire.Null(f.Body)):
		k.single(f.Body)
		k.outcome(io.EOF)
	case f.Err == nil:
		k.outcome(io.EOF)
	case f.Unprocessed:
		k.outcome(codec.NotSent(f.Err))
	default:
		k.outcome(f.Err)
	}
}

// outcome ends the call: err is what Recv returns at last.
func (k *clientCall) outcome(err error) {
	k.finish(err)
	k.kill(io.EOF)
	k.client.remove(k)
}

// abandon ends a call that has not ended, for a reason on this side, and tells the server if it is to.
func (k *clientCall) abandon(reason error, tell bool) {
	if !k.client.remove(k) {
		return
	}
	k.mu.Lock()
	tell = tell && k.sent
	k.mu.Unlock()
	if tell {
		k.tellCancel()
	}
	k.drop(reason)
}
