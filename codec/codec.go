// Package codec turns messages into bytes and calls into frames.
//
// A [Codec] is an encoding: proto, JSON. A format is a way to lay calls out on a connection: a [PipeFormat] on a
// stream of bytes (PROTO-RPC), an [HTTPFormat] on HTTP requests (Connect). A format knows the codecs only by this
// interface, and knows nothing of who implements a method: it hands each call it reads to a [Handler].
package codec

import (
	"context"
	"log/slog"
	"net"

	"github.com/protomicro/micro/internal/workers"
	"github.com/protomicro/micro/transport"
)

// A Codec encodes messages. It is safe for concurrent use.
type Codec interface {
	Name() string                                      // as it stands in content types and on the wire: "proto", "json"
	MarshalAppend(dst []byte, msg any) ([]byte, error) // appends msg to dst; does not keep either
	Unmarshal(src []byte, msg any) error               // replaces what msg holds; does not keep src
}

// A Sizer is a Codec that knows beforehand how many bytes a message takes.
type Sizer interface {
	Size(msg any) int // 0 for what it cannot encode
}

// A Handler runs calls. The runtime's Server is one.
type Handler interface {
	// ServeCall runs call to its end on the calling goroutine, and does not panic: when it returns, r.Finish was
	// called. ctx ends when the peer cancels, the call's deadline passes or the connection ends.
	ServeCall(ctx context.Context, call *Call, r Responder)
}

// A Conn makes calls to one peer. It is safe for concurrent use.
type Conn interface {
	// Open starts a call. The call ends, and what it holds is released, when the stream is closed or ctx ends.
	// An error that wraps [ErrNotSent] promises that no handler has seen the call.
	Open(ctx context.Context, call *Call) (Stream, error)
	// Done is closed when the connection can take no further call.
	Done() <-chan struct{}
	// Close ends the connection and every call on it, and waits for what it started.
	Close() error
}

// A Stream is one side of a call. One goroutine may send while another receives; neither side takes more than one
// at a time. Every error is a *status.Error or io.EOF.
type Stream interface {
	// Send encodes msg and queues it for the peer, and blocks while the peer is behind. On a client it returns io.EOF
	// if the call has ended; Recv then tells how.
	Send(msg any) error
	// Finish sends last, unless it is nil, and ends this side's half of the call. On a server outcome is the outcome
	// of the call, nil for success; on a client it is nil.
	Finish(last any, outcome error) error
	// Recv waits for the peer's next message and decodes it into msg, or drops it if msg is nil. It returns io.EOF when
	// the peer has finished well; on a client any other error is the outcome of the call.
	Recv(msg any) error
	// Header returns the peer's metadata: on a server the request's, on a client the response's, for which it waits.
	Header() (Meta, error)
	// Trailer returns, on a client whose Recv has returned an error, the metadata that came with the outcome.
	Trailer() Meta
	// Close releases the stream and cancels a call that has not ended. Every method returns an error from then on.
	Close() error
}

// A Responder is the server's side of a call.
type Responder interface {
	Stream
	SetHeader(meta Meta) error  // adds to the response metadata; an error once it is on its way
	SetTrailer(meta Meta) error // adds to the metadata that goes with the outcome
}

// A Config is what the two sides of every format are given. The zero value of each field works.
type Config struct {
	Codecs      Codecs        // what a server decodes and encodes
	Compression Compression   // what is compressed; nothing if Accept is nil
	Limits      Limits        // what is accepted from the peer
	Log         *slog.Logger  // what goes wrong outside of a call; nil discards
	Workers     *workers.Pool // runs a server's calls; nil starts a goroutine for each
}

// A PipeFormat carries many calls on one stream of bytes.
type PipeFormat interface {
	Name() string
	// Match tells whether a connection whose first bytes are prefix speaks this format.
	Match(prefix []byte) transport.Match
	// Dial makes nc a Conn, which owns it. ctx bounds the handshake only.
	Dial(ctx context.Context, nc net.Conn, cfg Config) (Conn, error)
	// Serve serves the calls on nc, which it owns, until the connection ends. When ctx ends it takes no further
	// call, waits for those that run, and returns nil. It waits for all that it started.
	Serve(ctx context.Context, nc net.Conn, h Handler, cfg Config) error
}

// An HTTPFormat carries one call on one HTTP request.
type HTTPFormat interface {
	Name() string
	// Match tells whether a request is a call of this format.
	Match(req *transport.Request) bool
	// Dial returns a Conn whose calls are requests through rt, which the Conn owns.
	Dial(rt transport.RoundTripper, cfg Config) Conn
	// Serve serves the call that x carries and returns when it has ended.
	Serve(ctx context.Context, x transport.Exchange, h Handler, cfg Config)
}

// A Format is a PipeFormat or an HTTPFormat.
type Format interface{ Name() string }
