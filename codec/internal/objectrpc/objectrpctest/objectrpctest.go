// Package objectrpctest starts servers of formats for pipes, for the tests of the formats that stand on objectrpc.
package objectrpctest

import (
	"context"
	"net"
	"sync"
	"testing"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/codectest"
	"github.com/protomicro/micro/internal/workers"
	"github.com/protomicro/micro/transport"
)

// Format is format over tr, for codectest.RunFormat: with a pool of workers, or with a goroutine for each call.
func Format(format codec.PipeFormat, c codec.Codec, tr transport.Transport, addr string, pooled bool) codectest.Format {
	return codectest.Format{FullDuplex: true, Codec: c, Start: func(t *testing.T, h codec.Handler, server, client codec.Config) codectest.Server {
		l, err := tr.Listen(t.Context(), addr)
		if err != nil {
			t.Fatal(err)
		}
		s := &serving{format: format, conns: make(map[net.Conn]bool)}
		if pooled {
			pool := new(workers.Pool)
			server.Workers = pool
			t.Cleanup(pool.Close)
		}
		ctx, cancel := context.WithCancel(context.Background())
		s.wg.Go(func() { s.accept(ctx, l, h, server) })
		t.Cleanup(func() {
			cancel()
			_ = l.Close()
			s.cut()
			s.wg.Wait()
		})
		return codectest.Server{Cut: s.cut, Dial: func(t *testing.T) codec.Conn {
			nc, err := tr.Dial(t.Context(), l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			conn, err := format.Dial(t.Context(), nc, client)
			if err != nil {
				t.Fatal(err)
			}
			return conn
		}}
	}}
}

type serving struct {
	format codec.PipeFormat
	wg     sync.WaitGroup
	mu     sync.Mutex // guards below
	conns  map[net.Conn]bool
}

func (s *serving) accept(ctx context.Context, l net.Listener, h codec.Handler, cfg codec.Config) {
	for {
		nc, err := l.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns[nc] = true
		s.mu.Unlock()
		s.wg.Go(func() { _ = s.format.Serve(ctx, nc, h, cfg) })
	}
}

func (s *serving) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for nc := range s.conns {
		_ = nc.Close()
	}
}
