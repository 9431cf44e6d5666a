// Package msgpackrpc is MessagePack-RPC, https://github.com/msgpack-rpc/msgpack-rpc/blob/master/spec.md, on pipes. SPEC.md
// beside this file says how methods, errors, metadata, deadlines, streams and cancellation map to it.
package msgpackrpc

import (
	"context"
	"net"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/internal/objectrpc"
	"github.com/protomicro/micro/codec/msgpackcodec"
	"github.com/protomicro/micro/transport"
)

// Format is MessagePack-RPC. The zero value is ready.
//
// Messages are always in MessagePack, whatever codec a call asks for: the codec "msgpack" of the configuration, or that of
// package msgpackcodec if it has none.
type Format struct {
	// Plain makes clients send nothing that the specification of MessagePack-RPC does not have, for servers that refuse
	// a fifth element: no metadata, deadlines that only the client observes, unary calls alone, and no cancellation.
	Plain bool
}

var _ codec.PipeFormat = Format{}

// Name returns "msgpackrpc".
func (Format) Name() string { return "msgpackrpc" }

// Match tells whether prefix is the beginning of an array of three to five elements, the first of which is 0, 1 or 2.
func (Format) Match(prefix []byte) transport.Match {
	if len(prefix) == 0 {
		return transport.More
	}
	head := ""
	switch prefix[0] {
	case 0xdc:
		head = "\xdc\x00"
	case 0xdd:
		head = "\xdd\x00\x00\x00"
	}
	n := min(len(prefix), len(head))
	if string(prefix[:n]) != head[:n] {
		return transport.No
	}
	rest := prefix[n:]
	if len(rest) == 0 {
		return transport.More
	}
	count := rest[0]
	if head == "" {
		if count&0xf0 != 0x90 {
			return transport.No
		}
		count &= 0x0f
	}
	switch {
	case count < 3 || count > 5 || len(rest) > 1 && rest[1] > 2:
		return transport.No
	case len(rest) == 1:
		return transport.More
	}
	return transport.Yes
}

// Dial makes nc a connection for calls. There is no handshake. It waits rather than have more calls at once than
// cfg.Limits.Calls, because it cannot know what the server allows.
func (f Format) Dial(ctx context.Context, nc net.Conn, cfg codec.Config) (codec.Conn, error) {
	return f.pipe(cfg).Dial(ctx, nc, cfg)
}

// Serve serves the calls on nc until the connection ends. When ctx ends it refuses further calls, tells a client that
// understands it, lets the running calls end, and closes the connection within a second. The error is that of a peer which
// broke the protocol, and nil for a connection that ended in any other way.
func (f Format) Serve(ctx context.Context, nc net.Conn, h codec.Handler, cfg codec.Config) error {
	return f.pipe(cfg).Serve(ctx, nc, h, cfg)
}

func (f Format) pipe(cfg codec.Config) objectrpc.Pipe {
	p := objectrpc.Pipe{Name: f.Name(), Codec: cfg.Codecs.Find("msgpack"), NewWire: newWire, Plain: f.Plain}
	if p.Codec == nil {
		p.Codec = msgpackcodec.Codec{}
	}
	return p
}
