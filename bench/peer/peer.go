// Package peer puts the RPC libraries that are compared behind one interface, each used as its own documentation says.
package peer

import (
	"context"
	"iter"
	"net"

	"github.com/protomicro/micro/bench/benchv1"
)

// MostCalls is how many calls at once a server takes on one connection, at least.
const MostCalls = 4096

// A Peer is one library.
type Peer struct {
	Name   string
	Module string // the path of the Go module
	// Serve answers the service bench.v1.Echo on l, which it owns, until ctx ends.
	Serve func(ctx context.Context, l net.Listener) error
	// Dial returns a client of the server on addr, "host:port". It makes all its calls on one connection.
	Dial func(addr string) (Echo, error)
}

// All returns the peers. The first is the one that the others are measured against.
func All() []Peer {
	return []Peer{
		{Name: "grpc-go", Module: "google.golang.org/grpc", Serve: serveGRPC, Dial: dialGRPC},
		{Name: "connect-go", Module: "connectrpc.com/connect", Serve: serveConnect, Dial: dialConnect},
		{Name: "micro", Module: "github.com/protomicro/micro", Serve: serveMicro, Dial: dialMicro},
	}
}

// Find returns the peer called name.
func Find(name string) (Peer, bool) {
	for _, p := range All() {
		if p.Name == name {
			return p, true
		}
	}
	return Peer{}, false
}

// An Echo is a client of the service. It is safe for concurrent use.
type Echo interface {
	Call(ctx context.Context, req *benchv1.Payload) (*benchv1.Payload, error)
	// Down yields the payloads that come, and an error if the stream does not end well. Leaving the loop cancels it.
	Down(ctx context.Context, req *benchv1.DownRequest) iter.Seq2[*benchv1.Payload, error]
	// Chat starts a chat, which ends with Finish or with ctx.
	Chat(ctx context.Context) (Chat, error)
	// Close ends the connection, and waits for what it started.
	Close() error
}

// A Chat is a bidi stream, for one goroutine.
type Chat interface {
	Send(msg *benchv1.Payload) error
	Recv() (*benchv1.Payload, error) // io.EOF at the end
	Finish() error                   // nothing more is sent; Recv goes on
}

// payload returns what Down sends for req, over and over.
func payload(req *benchv1.DownRequest) *benchv1.Payload {
	return &benchv1.Payload{Body: make([]byte, req.GetBytes())}
}
