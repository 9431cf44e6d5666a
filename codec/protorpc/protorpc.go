// Package protorpc is PROTO-RPC, the project's own format for calls on a stream of bytes: many calls at once, in
// binary frames, with flow control for each call. SPEC.md beside this file defines it.
package protorpc

import (
	"bytes"
	"context"
	"net"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/transport"
)

// Format is PROTO-RPC. The zero value is ready.
type Format struct{}

var _ codec.PipeFormat = Format{}

// Name returns "protorpc".
func (Format) Name() string { return "protorpc" }

// Match tells whether prefix is the beginning of a client's preface, of any version.
func (Format) Match(prefix []byte) transport.Match {
	n := min(len(prefix), len(magic))
	switch {
	case !bytes.Equal(prefix[:n], []byte(magic[:n])):
		return transport.No
	case n < len(magic):
		return transport.More
	}
	return transport.Yes
}

// Dial makes nc a connection for calls. It owns nc and closes it if the handshake fails or ctx ends before it is done.
func (Format) Dial(ctx context.Context, nc net.Conn, cfg codec.Config) (codec.Conn, error) {
	c := &client{conn: newConn(nc, cfg), slots: make(map[uint64]*clientCall), done: make(chan struct{})}
	if err := c.handshake(ctx, true); err != nil {
		return nil, err
	}
	c.wg.Go(c.writeLoop)
	c.wg.Go(func() {
		_ = c.readLoop(c.frame)
		c.end()
	})
	c.keepAlive()
	return c, nil
}

// Serve serves the calls on nc until the connection ends. When ctx ends it sends GOAWAY, lets the running calls end and
// waits for the client to close. The error is that of a handshake which failed, or of a peer which broke the protocol, and
// nil for a connection that ended in any other way.
func (Format) Serve(ctx context.Context, nc net.Conn, h codec.Handler, cfg codec.Config) (err error) {
	s := newServer(ctx, nc, h, cfg)
	if err := s.handshake(ctx, false); err != nil {
		if ctx.Err() != nil {
			return nil // the server stops, and the handshake with it
		}
		return err
	}
	s.wg.Go(s.writeLoop)
	drained := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { s.drain(); close(drained) })
	s.keepAlive()
	defer func() { // even if a handler that read runs ends the goroutine
		err = protocolError(<-s.ended)
		if stop() {
			close(drained)
		}
		<-drained
		s.end()
		s.wg.Wait()
	}()
	s.read()
	return nil
}
