package objectrpc

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
	session *session
	call    codec.Call
	id      []byte // nil for a notification, which nobody answers
	out     outlet
	ctx     context.Context
	cancel  context.CancelFunc
	meta    bool // the client understands the metadata of a response

	// of the handler's goroutine
	header   codec.Meta
	trailer  codec.Meta
	begun    bool   // the header is on its way
	finished bool   // the outcome is
	kept     []byte // the response of a unary call, until Finish
}

func newServerCall(s *session, f *Frame, out outlet) *serverCall {
	k := &serverCall{session: s, out: out, meta: f.Extended}
	k.call = codec.Call{
		Method: f.Method, Kind: f.Kind, Codec: s.pipe.Codec, Timeout: f.Timeout, Header: f.Header, Format: s.pipe.Name, Peer: s.peer,
	}
	if f.ID != nil {
		k.id = append([]byte{}, f.ID...)
	}
	k.codec, k.bad = s.pipe.Codec, status.InvalidArgument
	k.most = StartWindow
	k.window = k.most
	k.bounded, k.credit = f.Credit > 0, f.Credit
	if f.Timeout > 0 {
		k.ctx, k.cancel = context.WithTimeout(s.ctx, f.Timeout)
	} else {
		k.ctx, k.cancel = context.WithCancel(s.ctx)
	}
	if f.Body != nil {
		k.single(f.Body)
	}
	if f.Kind == codec.Unary || f.Kind == codec.ServerStream {
		k.finish(io.EOF)
	} else {
		k.grant = func(n int) { k.session.answer(&Frame{Type: Credit, ID: k.id, Credit: n}, k.out) }
	}
	return k
}

// welcome tells the client of a stream how much more it may send than every client may.
func (k *serverCall) welcome() {
	if more := k.session.lim.WindowBytes - StartWindow; k.grant != nil && more > 0 {
		k.mu.Lock()
		k.most += more
		k.window += more
		k.mu.Unlock()
		k.grant(more)
	}
}

// receive takes in a message of the stream, or its end.
func (k *serverCall) receive(f *Frame) {
	err := error(nil)
	switch {
	case f.Err != nil:
		err = f.Err
	case f.Body != nil:
		err = k.deliver(f.Body)
	}
	if err == nil && f.Type == End {
		err = io.EOF
	}
	if err != nil {
		k.finish(err)
	}
}

// Run serves the call.
func (k *serverCall) Run() {
	defer func() {
		if !k.finished { // whatever has happened, the peer gets an answer
			_ = k.Finish(nil, status.Errorf(status.Internal, "the handler did not answer"))
		}
		k.stop()
		k.session.release()
	}()
	k.session.handler.ServeCall(k.ctx, &k.call, k)
}

// stop ends the handler's context and what it waits for.
func (k *serverCall) stop() {
	k.cancel()
	k.drop(errCanceled)
}

var errCanceled = status.From(context.Canceled)

// Header implements codec.Stream.
func (k *serverCall) Header() (codec.Meta, error) { return k.call.Header, nil }

// Trailer implements codec.Stream.
func (k *serverCall) Trailer() codec.Meta { return nil }

// SetHeader implements codec.Responder.
func (k *serverCall) SetHeader(meta codec.Meta) error {
	if k.begun {
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
func (k *serverCall) Recv(msg any) error { return k.recv(k.ctx, msg) }

// Send implements codec.Stream. The response of a unary call goes out with its outcome.
func (k *serverCall) Send(msg any) error {
	if k.finished {
		return errFinished
	}
	if k.call.Kind == codec.Unary {
		if k.kept != nil {
			return status.Errorf(status.Internal, "a unary call has one response")
		}
		kept, err := k.codec.MarshalAppend([]byte{}, msg)
		if err == nil {
			k.kept = kept
		}
		return err
	}
	buf := bufpool.Get(0)
	defer func() { bufpool.Put(buf) }()
	var err error
	if buf.B, err = k.codec.MarshalAppend(buf.B, msg); err != nil {
		return err
	}
	return k.send(buf.B)
}

var errFinished = status.Errorf(status.Internal, "the call has been finished")

// send sends a message of the stream.
func (k *serverCall) send(body []byte) error {
	if err := k.reserve(k.ctx, len(body)); err != nil {
		return err
	}
	f := Frame{Type: Message, ID: k.id, Body: body}
	k.answerWith(&f)
	return k.put(&f)
}

// answerWith adds the response metadata to the first object that goes out.
func (k *serverCall) answerWith(f *Frame) {
	if !k.begun && k.meta {
		f.Header = k.header
	}
	k.begun = true
}

// put sends an object of the call.
func (k *serverCall) put(f *Frame) error {
	if k.id == nil {
		return nil
	}
	buf := bufpool.Get(len(f.Body))
	defer bufpool.Put(buf)
	buf.B = k.session.wire.AppendObject(buf.B, f)
	return k.out.put(k.ctx, buf.B)
}

// putNow sends an object of the call without waiting.
func (k *serverCall) putNow(f *Frame) error {
	if k.id == nil {
		return nil
	}
	return k.out.putNow(k.session.wire.AppendObject(nil, f))
}

// Finish implements codec.Stream. A last message that cannot be encoded becomes the outcome.
func (k *serverCall) Finish(last any, outcome error) error {
	if k.finished {
		return errFinished
	}
	buf := bufpool.Get(0)
	defer func() { bufpool.Put(buf) }()
	body := k.kept
	if last != nil && outcome == nil {
		if body != nil {
			outcome = status.Errorf(status.Internal, "a unary call has one response")
		} else if buf.B, outcome = k.codec.MarshalAppend(buf.B, last); outcome == nil {
			body = buf.B
			outcome = k.last(&body)
		}
	}
	if outcome == nil && body == nil && k.call.Kind == codec.Unary {
		outcome = status.Errorf(status.Internal, "the handler sent no response")
	}
	k.finished = true
	f := Frame{Type: Response, ID: k.id, Extended: k.meta, Body: body, Err: status.From(outcome)}
	k.answerWith(&f)
	if k.meta {
		f.Trailer = k.trailer
	}
	k.session.discount(k)
	if outcome != nil {
		f.Body = nil
		return k.putNow(&f)
	}
	err := k.put(&f)
	if err != nil && k.ctx.Err() != nil { // there was no room, and a short answer needs none
		f.Body, f.Err = nil, status.From(k.ctx.Err())
		return errors.Join(err, k.putNow(&f))
	}
	return err
}

// last sends the last message of a stream on its own if it reads as none, and would be lost in an outcome.
func (k *serverCall) last(body *[]byte) error {
	if k.call.Kind != codec.ServerStream && k.call.Kind != codec.BidiStream || !k.session.wire.Null(*body) {
		return nil
	}
	err := k.send(*body)
	*body = nil
	return err
}

// Close implements codec.Stream.
func (k *serverCall) Close() error {
	k.stop()
	return nil
}
