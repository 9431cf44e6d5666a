package runtime

import (
	"context"
	"io"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/status"
)

// A Unary is a method with one request and one response.
type Unary[Req, Res any] Method

// A ServerStream is a method with one request and many responses.
type ServerStream[Req, Res any] Method

// A ClientStream is a method with many requests and one response.
type ClientStream[Req, Res any] Method

// A BidiStream is a method whose two sides both send many messages, in any order.
type BidiStream[Req, Res any] Method

// Call makes the call and waits for its response.
func (m *Unary[Req, Res]) Call(ctx context.Context, conn Conn, req *Req) (*Res, error) {
	res := new(Res)
	if err := conn.Invoke(ctx, (*Method)(m), req, res); err != nil {
		return nil, err
	}
	return res, nil
}

// Handler returns the handler that serves the method with f.
func (m *Unary[Req, Res]) Handler(f func(context.Context, *Req) (*Res, error)) Handler {
	return Handler{(*Method)(m), codec.Unary, func(ctx context.Context, s codec.Stream) (any, error) {
		req := new(Req)
		if err := recvOnly(s, req); err != nil {
			return nil, err
		}
		return one(f(ctx, req))
	}}
}

// Call sends req and returns the receiver of the responses.
func (m *ServerStream[Req, Res]) Call(ctx context.Context, conn Conn, req *Req) (*Receiver[Res], error) {
	s, err := conn.Open(ctx, (*Method)(m), codec.ServerStream)
	if err != nil {
		return nil, err
	}
	r := &Receiver[Res]{s: s}
	if err := s.Finish(req, nil); err != nil && err != io.EOF { // io.EOF: Recv says why
		return nil, r.end(err)
	}
	return r, nil
}

// Handler returns the handler that serves the method with f.
func (m *ServerStream[Req, Res]) Handler(f func(context.Context, *Req, *Sender[Res]) error) Handler {
	return Handler{(*Method)(m), codec.ServerStream, func(ctx context.Context, s codec.Stream) (any, error) {
		req := new(Req)
		if err := recvOnly(s, req); err != nil {
			return nil, err
		}
		return nil, f(ctx, req, &Sender[Res]{s})
	}}
}

// Call starts the call; the requests are sent through the Upload.
func (m *ClientStream[Req, Res]) Call(ctx context.Context, conn Conn) (*Upload[Req, Res], error) {
	s, err := conn.Open(ctx, (*Method)(m), codec.ClientStream)
	if err != nil {
		return nil, err
	}
	return &Upload[Req, Res]{s}, nil
}

// Handler returns the handler that serves the method with f.
func (m *ClientStream[Req, Res]) Handler(f func(context.Context, *Receiver[Req]) (*Res, error)) Handler {
	return Handler{(*Method)(m), codec.ClientStream, func(ctx context.Context, s codec.Stream) (any, error) {
		return one(f(ctx, &Receiver[Req]{s: s, server: true}))
	}}
}

// Call starts the call.
func (m *BidiStream[Req, Res]) Call(ctx context.Context, conn Conn) (*Stream[Req, Res], error) {
	s, err := conn.Open(ctx, (*Method)(m), codec.BidiStream)
	if err != nil {
		return nil, err
	}
	return &Stream[Req, Res]{Receiver[Res]{s: s}}, nil
}

// Handler returns the handler that serves the method with f.
func (m *BidiStream[Req, Res]) Handler(f func(context.Context, *Stream[Res, Req]) error) Handler {
	return Handler{(*Method)(m), codec.BidiStream, func(ctx context.Context, s codec.Stream) (any, error) {
		return nil, f(ctx, &Stream[Res, Req]{Receiver[Req]{s: s, server: true}})
	}}
}

// one makes of what a handler returned a last message that is nil only if there is an error.
func one[Res any](res *Res, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	if res == nil {
		return nil, status.Errorf(status.Internal, "the handler returned neither a response nor an error")
	}
	return res, nil
}

// recvOnly receives the one message that the peer of s sends.
func recvOnly(s codec.Stream, msg any) error {
	switch err := s.Recv(msg); err {
	case nil:
	case io.EOF:
		return status.Errorf(status.Unimplemented, "one message expected, none was sent")
	default:
		return err
	}
	switch err := s.Recv(nil); err {
	case io.EOF:
		return nil
	case nil:
		return status.Errorf(status.Unimplemented, "one message expected, more were sent")
	default:
		return err
	}
}
