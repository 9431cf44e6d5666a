package objectrpc

import (
	"context"
	"net"

	"github.com/protomicro/micro/codec"
)

// A Pipe is a format for pipes.
type Pipe struct {
	Name    string                           // of the format
	Codec   codec.Codec                      // that encodes its messages, whatever the call says
	NewWire func(*Reader, codec.Limits) Wire // for each connection
	Plain   bool                             // a client uses nothing that the published format does not have
}

// Dial implements codec.PipeFormat. There is no handshake.
func (p Pipe) Dial(ctx context.Context, nc net.Conn, cfg codec.Config) (codec.Conn, error) {
	if err := ctx.Err(); err != nil {
		_ = nc.Close()
		return nil, err
	}
	c := &client{pipe: p, calls: make(map[string]*clientCall), done: make(chan struct{})}
	c.init(nc, cfg.Limits, p.NewWire)
	c.wg.Go(c.writeLoop)
	c.wg.Go(func() {
		_ = c.readLoop(c.frame)
		c.end()
	})
	return c, nil
}

// Serve implements codec.PipeFormat. When ctx ends it refuses further calls, tells a peer that understands it, waits for
// those that run, and closes the connection. The error is that of a peer which broke the protocol.
func (p Pipe) Serve(ctx context.Context, nc net.Conn, h codec.Handler, cfg codec.Config) error {
	s := &pipeServer{}
	s.init(nc, cfg.Limits, p.NewWire)
	s.session = newSession(context.WithoutCancel(ctx), p, h, cfg, s.wire, nc.RemoteAddr().String())
	s.session.drained = s.waitForClient
	written := make(chan struct{})
	go func() {
		defer close(written)
		s.writeLoop()
	}()
	draining := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(draining)
		s.leave()
	})
	err := s.readLoop(func(f *Frame) error {
		s.session.frame(f, &s.conn)
		return nil
	})
	if stop() {
		close(draining)
	}
	<-draining
	s.stopGrace()
	s.session.end()
	<-written
	return protocolError(err)
}
