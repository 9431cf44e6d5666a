package codectest

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/status"
)

func formatDeadlineTravels(t *testing.T, f Format) {
	const timeout = 30 * time.Second
	var want time.Duration
	conn := setup{methods: methods{
		unaryMethod: func(ctx context.Context, call *codec.Call, r codec.Responder) (any, error) {
			deadline, ok := ctx.Deadline()
			if ok != (want > 0) || call.Timeout > want || call.Timeout < want/2 {
				return nil, status.Errorf(status.Internal, "timeout: got %v with deadline %v, want at most %v", call.Timeout, deadline, want)
			}
			return echoOne(ctx, call, r)
		},
	}}.conn(t, f)
	for _, want = range []time.Duration{0, timeout} {
		call := newCall(unaryMethod, codec.Unary)
		call.Timeout = want
		if r := invoke(t.Context(), conn, call, ""); r.err != nil {
			t.Errorf("a call with timeout %v: %v", want, r.err)
		}
	}
}

// The client of this case has no deadline itself, so what ends the handler is the timeout that came with the call.
func formatDeadlineUnblocks(t *testing.T, f Format) {
	waiting, waited := waiter(false)
	receiving := make(chan error, 1)
	conn := setup{methods: methods{
		unaryMethod: waiting,
		bidiMethod: func(ctx context.Context, _ *codec.Call, r codec.Responder) (any, error) {
			err := r.Recv(nil)
			if ctx.Err() == nil {
				err = errors.New("the handler's Recv returned before its context ended")
			}
			receiving <- err
			return nil, err
		},
	}}.conn(t, f)

	call := newCall(unaryMethod, codec.Unary)
	call.Timeout = 50 * time.Millisecond
	r := invoke(t.Context(), conn, call, "")
	wantCode(t, "the outcome of a unary call", r.err, status.DeadlineExceeded)
	wantCode(t, "the end of the handler's context", await(t, "the handler", waited), status.DeadlineExceeded)

	call = newCall(bidiMethod, codec.BidiStream)
	call.Timeout = 50 * time.Millisecond
	s := openCall(t.Context(), t, conn, call)
	wantCode(t, "the outcome of a stream", s.Recv(nil), status.DeadlineExceeded)
	wantCode(t, "the handler's Recv", await(t, "the handler", receiving), status.DeadlineExceeded)
}

func formatClientDeadline(t *testing.T, f Format) {
	waiting, waited := waiter(true)
	conn := setup{methods: methods{serverMethod: waiting, unaryMethod: waiting}}.conn(t, f)

	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	s := openCall(ctx, t, conn, newCall(serverMethod, codec.ServerStream))
	err := s.Finish(wrapperspb.String(""), nil)
	if err == nil {
		for err = s.Recv(nil); err == nil; {
			err = s.Recv(nil)
		}
	}
	wantCode(t, "Recv after the deadline", err, status.DeadlineExceeded)
	wantCode(t, "the end of the handler's context", await(t, "the handler", waited), status.Canceled, status.DeadlineExceeded)

	ended, end := context.WithCancel(t.Context())
	end()
	wantCode(t, "a call with a context that has ended", invoke(ended, conn, newCall(unaryMethod, codec.Unary), "").err, status.Canceled)
}

func formatCancel(t *testing.T, f Format) {
	waiting, waited := waiter(true)
	conn := setup{methods: methods{serverMethod: waiting, unaryMethod: echoOne}}.conn(t, f)
	start := func(ctx context.Context) codec.Stream {
		s := openCall(ctx, t, conn, newCall(serverMethod, codec.ServerStream))
		if err := s.Finish(wrapperspb.String(""), nil); err != nil {
			t.Fatalf("Finish: %v", err)
		}
		recvText(t, s)
		return s
	}

	ctx, cancel := context.WithCancel(t.Context())
	s := start(ctx)
	cancel()
	wantCode(t, "Recv after the context's end", s.Recv(nil), status.Canceled)
	wantCode(t, "the end of the handler's context", await(t, "the handler", waited), status.Canceled)

	s = start(t.Context())
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	wantCode(t, "the end of the handler's context", await(t, "the handler", waited), status.Canceled)
	if err := s.Recv(nil); err == nil || err == io.EOF {
		t.Errorf("Recv after Close: got %v, want an error", err)
	}
	if r := invoke(t.Context(), conn, newCall(unaryMethod, codec.Unary), "text"); r.text != "text" || r.err != nil {
		t.Errorf("a call afterwards: got %q, %v, want %q", r.text, r.err, "text")
	}

	s = start(t.Context())
	received := make(chan error, 1)
	go func() { received <- s.Recv(nil) }()
	_ = s.Close()
	wantCode(t, "Recv beside Close", await(t, "Recv", received), status.Canceled)
	wantCode(t, "the end of the handler's context", await(t, "the handler", waited), status.Canceled)
}

func formatCancelUpload(t *testing.T, f Format) {
	first, ended := make(chan error, 1), make(chan error, 2)
	conn := setup{methods: methods{
		clientMethod: func(ctx context.Context, _ *codec.Call, r codec.Responder) (any, error) {
			first <- r.Recv(nil)
			ended <- r.Recv(nil)
			<-ctx.Done()
			ended <- ctx.Err()
			return nil, ctx.Err()
		},
	}}.conn(t, f)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := openCall(ctx, t, conn, newCall(clientMethod, codec.ClientStream))
	sendText(t, s, "first")
	if err := await(t, "the first message", first); err != nil {
		t.Errorf("the handler's first Recv: %v", err)
	}
	cancel()
	wantCode(t, "the handler's Recv", await(t, "the handler", ended), status.Canceled, status.Unavailable)
	wantCode(t, "the end of the handler's context", await(t, "the handler", ended), status.Canceled)
	wantCode(t, "the client's Recv", s.Recv(nil), status.Canceled)
	if err := s.Send(wrapperspb.String("")); err == nil {
		t.Error("Send after the context's end: got no error")
	}
}

func formatConnClose(t *testing.T, f Format) {
	waiting, waited := waiter(true)
	conn := setup{methods: methods{serverMethod: waiting}}.conn(t, f)
	s := open(t, conn, serverMethod, codec.ServerStream)
	if err := s.Finish(wrapperspb.String(""), nil); err != nil {
		t.Fatalf("Finish: %v", err)
	}
	recvText(t, s)
	if err := conn.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	wantCode(t, "Recv after the conn's Close", s.Recv(nil), status.Canceled, status.Unavailable)
	wantCode(t, "the end of the handler's context", await(t, "the handler", waited), status.Canceled)
	await(t, "Done", conn.Done())
}

func formatOpenAfterClose(t *testing.T, f Format) {
	conn := setup{methods: methods{unaryMethod: echoOne}}.conn(t, f)
	if r := invoke(t.Context(), conn, newCall(unaryMethod, codec.Unary), "text"); r.err != nil {
		t.Errorf("a call: %v", r.err)
	}
	select {
	case <-conn.Done():
		t.Error("Done is closed before Close")
	default:
	}
	for range 2 {
		if err := conn.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	for kind := codec.Unary; kind <= codec.BidiStream; kind++ {
		err := invoke(t.Context(), conn, newCall(unaryMethod, kind), "").err
		if !errors.Is(err, codec.ErrNotSent) || status.CodeOf(err) != status.Unavailable {
			t.Errorf("%v after Close: got %v, want an Unavailable error that wraps codec.ErrNotSent", kind, err)
		}
	}
}

func formatCut(t *testing.T, f Format) {
	waiting, waited := waiter(true)
	began := make(chan error, 1)
	conn, server := setup{methods: methods{serverMethod: waiting, clientMethod: func(ctx context.Context, call *codec.Call, r codec.Responder) (any, error) {
		began <- r.Recv(nil) // a message on its way when the network is cut may reach nobody
		return waiting(ctx, call, r)
	}}}.start(t, f)
	if server.Cut == nil {
		t.Skip("the network cannot be cut")
	}
	down := open(t, conn, serverMethod, codec.ServerStream)
	if err := down.Finish(wrapperspb.String(""), nil); err != nil {
		t.Fatalf("Finish: %v", err)
	}
	recvText(t, down)
	up := open(t, conn, clientMethod, codec.ClientStream)
	sendText(t, up, "")
	if err := await(t, "the other handler's first message", began); err != nil {
		t.Errorf("the other handler's Recv: %v", err)
	}
	server.Cut()
	wantCode(t, "Recv", down.Recv(nil), status.Unavailable, status.Canceled, status.Internal)
	wantCode(t, "Recv of the other call", up.Recv(nil), status.Unavailable, status.Canceled, status.Internal)
	for range 2 {
		wantCode(t, "a handler", await(t, "a handler", waited), status.Canceled, status.Unavailable)
	}
	if err := up.Send(wrapperspb.String("")); err == nil {
		t.Error("Send after the connection's end: got no error")
	}
}

func formatEarlyOutcome(t *testing.T, f Format) {
	conn := setup{methods: methods{
		clientMethod: func(_ context.Context, _ *codec.Call, r codec.Responder) (any, error) {
			if err := r.Recv(nil); err != nil {
				return nil, err
			}
			return nil, status.Errorf(status.FailedPrecondition, "enough")
		},
		unaryMethod: echoOne,
	}}.conn(t, f)
	s := open(t, conn, clientMethod, codec.ClientStream)
	msg := wrapperspb.Bytes(make([]byte, 16<<10))
	var err error
	for n := 0; err == nil; n++ {
		if n == 64<<10 {
			t.Fatal("1 GiB was sent to a call that has ended")
		}
		err = s.Send(msg)
	}
	if err != io.EOF {
		t.Errorf("Send after the outcome: got %v, want io.EOF", err)
	}
	wantCode(t, "Recv", s.Recv(nil), status.FailedPrecondition)
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if r := invoke(t.Context(), conn, newCall(unaryMethod, codec.Unary), "text"); r.text != "text" || r.err != nil {
		t.Errorf("a call afterwards: got %q, %v, want %q", r.text, r.err, "text")
	}
}
