package protorpc_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/codectest"
	"github.com/protomicro/micro/codec/protorpc"
	"github.com/protomicro/micro/internal/workers"
	"github.com/protomicro/micro/transport"
	"github.com/protomicro/micro/transport/memtransport"
	"github.com/protomicro/micro/transport/tcptransport"
	"github.com/protomicro/micro/transport/unixtransport"
)

func TestFormat_Mem(t *testing.T) {
	codectest.RunFormat(t, format(memtransport.New(), "name", false))
}

func TestFormat_TCP(t *testing.T) {
	codectest.RunFormat(t, format(tcptransport.Transport{}, "127.0.0.1:0", true))
}

func TestFormat_Unix(t *testing.T) {
	codectest.RunFormat(t, format(unixtransport.Transport{}, filepath.Join(t.TempDir(), "socket"), true))
}

func TestFormat_TLS(t *testing.T) {
	codectest.RunFormat(t, format(secured{tcptransport.Transport{}, certificate(t)}, "127.0.0.1:0", true))
}

// secured is a transport with TLS over it.
type secured struct {
	transport.Transport
	cfg *tls.Config
}

func (s secured) Dial(ctx context.Context, addr string) (net.Conn, error) {
	nc, err := s.Transport.Dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	return transport.ClientTLS(ctx, nc, addr, s.cfg)
}

func (s secured) Listen(ctx context.Context, addr string) (net.Listener, error) {
	l, err := s.Transport.Listen(ctx, addr)
	if err != nil {
		return nil, err
	}
	return tls.NewListener(l, s.cfg), nil
}

// certificate returns a configuration for both sides of connections to 127.0.0.1.
func certificate(t *testing.T) *tls.Config {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return &tls.Config{Certificates: s.TLS.Certificates, RootCAs: roots}
}

// format runs PROTO-RPC over a transport, with a pool of workers or with a goroutine for each call.
func format(tr transport.Transport, addr string, pooled bool) codectest.Format {
	return codectest.Format{FullDuplex: true, Start: func(t *testing.T, h codec.Handler, server, client codec.Config) codectest.Server {
		l, err := tr.Listen(t.Context(), addr)
		if err != nil {
			t.Fatal(err)
		}
		s := &serving{conns: make(map[net.Conn]bool)}
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
			conn, err := protorpc.Format{}.Dial(t.Context(), nc, client)
			if err != nil {
				t.Fatal(err)
			}
			return conn
		}}
	}}
}

type serving struct {
	wg    sync.WaitGroup
	mu    sync.Mutex // guards below
	conns map[net.Conn]bool
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
		s.wg.Go(func() { _ = protorpc.Format{}.Serve(ctx, nc, h, cfg) })
	}
}

func (s *serving) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for nc := range s.conns {
		_ = nc.Close()
	}
}
