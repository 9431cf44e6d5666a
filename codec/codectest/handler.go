package codectest

import (
	"context"
	"io"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/jsoncodec"
	"github.com/protomicro/micro/codec/protocodec"
	"github.com/protomicro/micro/status"
)

// patience is how long the suite waits for what must happen.
const patience = 20 * time.Second

// A serve is one method of the suite's server; the suite tells methods apart by name only, since some formats do not
// know the kind of a call before its handler does.
type serve func(ctx context.Context, call *codec.Call, r codec.Responder) (last any, err error)

// methods is a codec.Handler.
type methods map[string]serve

func (m methods) ServeCall(ctx context.Context, call *codec.Call, r codec.Responder) {
	method, ok := m[call.Method]
	if !ok {
		_ = r.Finish(nil, status.Errorf(status.Unimplemented, "no method %s", call.Method))
		return
	}
	last, err := method(ctx, call, r)
	if err != nil {
		last = nil
	}
	_ = r.Finish(last, err)
}

// The names of the methods that the cases serve.
const (
	unaryMethod  = "codectest.v1.Test/Unary"
	serverMethod = "codectest.v1.Test/ServerStream"
	clientMethod = "codectest.v1.Test/ClientStream"
	bidiMethod   = "codectest.v1.Test/BidiStream"
)

// A setup is how a case wants its server and its client.
type setup struct {
	methods        methods
	server, client codec.Limits
}

// start starts a server and returns it with a Conn to it, which ends before it.
func (s setup) start(t *testing.T, f Format) (codec.Conn, Server) {
	t.Helper()
	codecs := codec.Codecs{protocodec.Codec{}, jsoncodec.Codec{}}
	server := f.Start(t, s.methods, codec.Config{Codecs: codecs, Limits: s.server}, codec.Config{Codecs: codecs, Limits: s.client})
	conn := server.Dial(t)
	t.Cleanup(func() { _ = conn.Close() })
	return conn, server
}

func (s setup) conn(t *testing.T, f Format) codec.Conn {
	t.Helper()
	conn, _ := s.start(t, f)
	return conn
}

func newCall(method string, kind codec.Kind) *codec.Call {
	return &codec.Call{Method: method, Kind: kind, Codec: protocodec.Codec{}}
}

func open(t *testing.T, conn codec.Conn, method string, kind codec.Kind) codec.Stream {
	t.Helper()
	return openCall(t.Context(), t, conn, newCall(method, kind))
}

func openCall(ctx context.Context, t *testing.T, conn codec.Conn, call *codec.Call) codec.Stream {
	t.Helper()
	s, err := conn.Open(ctx, call)
	if err != nil {
		t.Fatalf("Open %s: %v", call.Method, err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// A result is all that comes back from a call with one response.
type result struct {
	text            string
	header, trailer codec.Meta
	err             error
}

// invoke makes a call with one request and one response.
func invoke(ctx context.Context, conn codec.Conn, call *codec.Call, text string) result {
	s, err := conn.Open(ctx, call)
	if err != nil {
		return result{err: err}
	}
	defer func() { _ = s.Close() }()
	if err := s.Finish(wrapperspb.String(text), nil); err != nil && err != io.EOF {
		return result{err: err}
	}
	res := &wrapperspb.StringValue{}
	r := result{err: s.Recv(res)}
	if r.err == nil {
		r.text = res.GetValue()
		if r.err = s.Recv(nil); r.err == io.EOF {
			r.err = nil
		}
	}
	r.header, _ = s.Header()
	r.trailer = s.Trailer()
	return r
}

func recvText(t *testing.T, s codec.Stream) string {
	t.Helper()
	msg := &wrapperspb.StringValue{}
	if err := s.Recv(msg); err != nil {
		t.Fatalf("Recv: %v", err)
	}
	return msg.GetValue()
}

func sendText(t *testing.T, s codec.Stream, text string) {
	t.Helper()
	if err := s.Send(wrapperspb.String(text)); err != nil {
		t.Fatalf("Send: %v", err)
	}
}

func finish(t *testing.T, s codec.Stream) {
	t.Helper()
	if err := s.Finish(nil, nil); err != nil {
		t.Fatalf("Finish: %v", err)
	}
}

func wantEOF(t *testing.T, s codec.Stream) {
	t.Helper()
	if err := s.Recv(nil); err != io.EOF {
		t.Fatalf("Recv at the end: got %v, want io.EOF", err)
	}
}

func wantCode(t *testing.T, what string, err error, codes ...status.Code) {
	t.Helper()
	for _, code := range codes {
		if err != nil && err != io.EOF && status.CodeOf(err) == code {
			return
		}
	}
	t.Errorf("%s: got %v, want an error with code %v", what, err, codes)
}

// await returns what ch yields, and fails the test if that takes too long.
func await[T any](t *testing.T, what string, ch <-chan T) T {
	t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	var v T
	select {
	case v = <-ch:
	case <-timer.C:
		t.Fatalf("waited %v for %s", patience, what)
	}
	return v
}

// echoOne answers a request with its text.
func echoOne(_ context.Context, _ *codec.Call, r codec.Responder) (any, error) {
	req := &wrapperspb.StringValue{}
	if err := r.Recv(req); err != nil {
		return nil, err
	}
	return req, nil
}

// echoAll answers each request with its text.
func echoAll(_ context.Context, _ *codec.Call, r codec.Responder) (any, error) {
	for {
		req := &wrapperspb.StringValue{}
		if err := r.Recv(req); err == io.EOF {
			return nil, nil
		} else if err != nil {
			return nil, err
		}
		if err := r.Send(req); err != nil {
			return nil, err
		}
	}
}

// countAll answers the end of the requests with their number.
func countAll(_ context.Context, _ *codec.Call, r codec.Responder) (any, error) {
	for n := int64(0); ; n++ {
		if err := r.Recv(nil); err == io.EOF {
			return wrapperspb.Int64(n), nil
		} else if err != nil {
			return nil, err
		}
	}
}

// waiter returns a method that reads its request, sends one message, and waits for the end of its context, whose error it
// then sends to the channel.
func waiter(send bool) (serve, <-chan error) {
	ended := make(chan error, 1)
	return func(ctx context.Context, _ *codec.Call, r codec.Responder) (any, error) {
		for {
			if err := r.Recv(nil); err == io.EOF {
				break
			} else if err != nil {
				ended <- err
				return nil, err
			}
		}
		if send {
			if err := r.Send(wrapperspb.String("waiting")); err != nil {
				ended <- err
				return nil, err
			}
		}
		<-ctx.Done()
		ended <- ctx.Err()
		return nil, ctx.Err()
	}, ended
}
