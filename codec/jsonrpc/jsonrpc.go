// Package jsonrpc is JSON-RPC 2.0, https://www.jsonrpc.org/specification: on pipes, with an object in each line or behind a
// header with its length, and over HTTP by POST. SPEC.md beside this file says how methods, errors, metadata, deadlines,
// streams and cancellation map to it.
package jsonrpc

import (
	"bytes"
	"context"
	"net"
	"strings"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/internal/objectrpc"
	"github.com/protomicro/micro/codec/jsoncodec"
	"github.com/protomicro/micro/transport"
)

// Format is JSON-RPC 2.0. The zero value is ready.
//
// Messages are always in JSON, whatever codec a call asks for: the codec "json" of the configuration, or that of
// package jsoncodec if it has none.
type Format struct {
	// Plain makes clients send nothing that the specification of JSON-RPC does not have, for servers that refuse unknown
	// members: no metadata, deadlines that only the client observes, unary calls alone, and no cancellation.
	Plain bool
}

var _ codec.PipeFormat = Format{}

// Name returns "jsonrpc".
func (Format) Name() string { return "jsonrpc" }

// Match tells whether prefix is the beginning of an object, an array, or a header as the Language Server Protocol has it.
func (Format) Match(prefix []byte) transport.Match {
	const header = "content-"
	prefix = bytes.TrimLeft(prefix, " \t\r\n")
	switch {
	case len(prefix) == 0:
		return transport.More
	case prefix[0] == '{' || prefix[0] == '[':
		return transport.Yes
	}
	n := min(len(prefix), len(header))
	switch {
	case !strings.EqualFold(string(prefix[:n]), header[:n]):
		return transport.No
	case n < len(header):
		return transport.More
	}
	return transport.Yes
}

// Dial makes nc a connection for calls, with an object in each line. There is no handshake. It waits rather than have more
// calls at once than cfg.Limits.Calls, because it cannot know what the server allows.
func (f Format) Dial(ctx context.Context, nc net.Conn, cfg codec.Config) (codec.Conn, error) {
	return f.pipe(cfg).Dial(ctx, nc, cfg)
}

// Serve serves the calls on nc until the connection ends. When ctx ends it refuses further calls, tells a client that
// understands it, lets the running calls end, and closes the connection within a second. The error is that of a peer which
// broke the framing, and nil for a connection that ended in any other way.
func (f Format) Serve(ctx context.Context, nc net.Conn, h codec.Handler, cfg codec.Config) error {
	return f.pipe(cfg).Serve(ctx, nc, h, cfg)
}

func (f Format) pipe(cfg codec.Config) objectrpc.Pipe {
	return objectrpc.Pipe{Name: f.Name(), Codec: codecOf(cfg), NewWire: newWire, Plain: f.Plain}
}

func codecOf(cfg codec.Config) codec.Codec {
	if c := cfg.Codecs.Find("json"); c != nil {
		return c
	}
	return jsoncodec.Codec{}
}
