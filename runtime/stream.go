package runtime

import (
	"io"
	"iter"

	"github.com/protomicro/micro/codec"
)

// A Sender is the server's side of a call with many responses. One goroutine at a time may use it.
type Sender[T any] struct{ s codec.Stream }

// Send sends msg, and blocks while the peer is behind. It does not keep msg.
func (s *Sender[T]) Send(msg *T) error { return s.s.Send(msg) }

// A Receiver receives the messages of a call. One goroutine at a time may use it.
type Receiver[T any] struct {
	s      codec.Stream
	server bool  // the runtime releases the stream when the handler returns
	err    error // what ended the stream
}

// Recv waits for the next message. It returns io.EOF once the peer has finished well; on a client any other error is
// the outcome of the call.
func (r *Receiver[T]) Recv() (*T, error) {
	if r.err != nil {
		return nil, r.err
	}
	msg := new(T)
	if err := r.s.Recv(msg); err != nil {
		return nil, r.end(err)
	}
	return msg, nil
}

// All yields the messages until the peer has finished, and an error at the end if it did not finish well. Leaving the
// loop early closes the receiver.
func (r *Receiver[T]) All() iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		for {
			msg, err := r.Recv()
			if err == io.EOF {
				return
			}
			if !yield(msg, err) {
				_ = r.Close()
				return
			}
			if err != nil {
				return
			}
		}
	}
}

// Header returns the peer's metadata: on a server the request's, on a client the response's, for which it waits.
func (r *Receiver[T]) Header() (codec.Meta, error) { return r.s.Header() }

// Trailer returns, on a client whose Recv has returned an error, the metadata that came with the outcome.
func (r *Receiver[T]) Trailer() codec.Meta { return r.s.Trailer() }

// Close cancels the call, on a client, if it has not ended. It needs not be called after Recv has returned an error.
func (r *Receiver[T]) Close() error {
	if r.server {
		return nil
	}
	return r.s.Close()
}

func (r *Receiver[T]) end(err error) error {
	r.err = err
	_ = r.Close()
	return err
}

// A Stream sends S and receives R. One goroutine may send while another receives.
type Stream[S, R any] struct{ Receiver[R] }

// Send sends msg, and blocks while the peer is behind. It does not keep msg. On a client it returns io.EOF if the call
// has ended; Recv then tells how.
func (s *Stream[S, R]) Send(msg *S) error { return s.s.Send(msg) }

// Finish says, on a client, that no further message will be sent. On a server returning from the handler says so.
func (s *Stream[S, R]) Finish() error {
	if s.server {
		return nil
	}
	return s.s.Finish(nil, nil)
}

// An Upload is the client's side of a call with many requests and one response. One goroutine at a time may use it.
type Upload[Req, Res any] struct{ s codec.Stream }

// Send sends msg, and blocks while the peer is behind. It does not keep msg. It returns io.EOF if the call has ended;
// Finish then tells how.
func (u *Upload[Req, Res]) Send(msg *Req) error { return u.s.Send(msg) }

// Finish says that no further request will be sent and waits for the response.
func (u *Upload[Req, Res]) Finish() (*Res, error) {
	defer func() { _ = u.s.Close() }()
	if err := u.s.Finish(nil, nil); err != nil && err != io.EOF { // io.EOF: Recv says why
		return nil, err
	}
	res := new(Res)
	if err := recvOnly(u.s, res); err != nil {
		return nil, err
	}
	return res, nil
}

// Header returns the response's metadata, for which it waits.
func (u *Upload[Req, Res]) Header() (codec.Meta, error) { return u.s.Header() }

// Trailer returns, after Finish, the metadata that came with the outcome.
func (u *Upload[Req, Res]) Trailer() codec.Meta { return u.s.Trailer() }

// Close cancels the call if it has not ended. It needs not be called after Finish.
func (u *Upload[Req, Res]) Close() error { return u.s.Close() }
