// Package bsonrpc is BSON-RPC: calls as BSON documents on pipes, in the model of JSON-RPC 2.0. SPEC.md beside this file
// defines it.
package bsonrpc

import (
	"context"
	"encoding/binary"
	"net"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/bsoncodec"
	"github.com/protomicro/micro/codec/internal/objectrpc"
	"github.com/protomicro/micro/transport"
)

// Format is BSON-RPC. The zero value is ready.
//
// Messages are always in BSON, whatever codec a call asks for: the codec "bson" of the configuration, or that of package
// bsoncodec if it has none.
type Format struct{}

var _ codec.PipeFormat = Format{}

// Name returns "bsonrpc".
func (Format) Name() string { return "bsonrpc" }

// maxFirst is how long the first document of a connection may be, so that it is told from other protocols.
const maxFirst = 64 << 20

// Match tells whether prefix is the beginning of a document of less than 64 MiB with a key of letters.
func (Format) Match(prefix []byte) transport.Match {
	const head, shortest = 4, 5
	if len(prefix) >= head {
		if n := binary.LittleEndian.Uint32(prefix); n < shortest || n > maxFirst {
			return transport.No
		}
	}
	for i, c := range prefix[min(len(prefix), head):] {
		switch {
		case i == 0 && (c == 0 || c > lastType):
			return transport.No
		case i > 1 && c == 0:
			return transport.Yes
		case i > 0 && (c|0x20 < 'a' || c|0x20 > 'z'):
			return transport.No
		}
	}
	return transport.More
}

// Dial makes nc a connection for calls. There is no handshake. It waits rather than have more calls at once than
// cfg.Limits.Calls, because it cannot know what the server allows.
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
	p := objectrpc.Pipe{Name: f.Name(), Codec: cfg.Codecs.Find("bson"), NewWire: newWire}
	if p.Codec == nil {
		p.Codec = bsoncodec.Codec{}
	}
	return p
}
