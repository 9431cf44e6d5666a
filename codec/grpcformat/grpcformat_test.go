package grpcformat_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/codec/codectest"
	"github.com/protomicro/micro/codec/grpcformat"
	"github.com/protomicro/micro/internal/leakcheck"
	"github.com/protomicro/micro/transport"
	"github.com/protomicro/micro/transport/httptransport"
)

func TestMain(m *testing.M) { leakcheck.Main(m) }

// handler serves every request that is a call.
func handler(h codec.Handler, cfg codec.Config) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		httptransport.Serve(w, r, func(ctx context.Context, x transport.Exchange) {
			for _, format := range []codec.HTTPFormat{grpcformat.Format{}, grpcformat.Web{}} {
				if format.Match(x.Request()) {
					format.Serve(ctx, x, h, cfg)
					return
				}
			}
			_ = x.Respond(http.StatusUnsupportedMediaType, nil)
		})
	})
}

func limitsOf(cfg codec.Config) httptransport.Limits {
	l := cfg.Limits.WithDefaults()
	return httptransport.Limits{
		HeaderBytes: l.HeaderBytes, Calls: l.Calls, HandshakeTimeout: l.HandshakeTimeout, IdleTimeout: l.IdleTimeout,
		PingInterval: l.PingInterval, PingTimeout: l.PingTimeout, WriteTimeout: l.WriteTimeout,
	}
}

// A loopback is a server on a TCP port.
type loopback struct {
	net.Listener
	server *httptransport.Server
	mu     sync.Mutex // guards conns
	conns  []net.Conn
}

// serve starts an HTTP server that ends with the test; config is nil for no TLS.
func serve(t *testing.T, server *httptransport.Server, config *tls.Config) *loopback {
	t.Helper()
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &loopback{Listener: ln, server: server}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			l.mu.Lock()
			l.conns = append(l.conns, nc)
			l.mu.Unlock()
			if config != nil {
				nc = tls.Server(nc, config)
			}
			server.ServeConn(nc)
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		wg.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = server.Shutdown(ctx)
	})
	return l
}

func (l *loopback) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, nc := range l.conns {
		_ = nc.Close()
	}
}

func (l *loopback) dial(ctx context.Context) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "tcp", l.Addr().String())
}

// tlsConfigs returns those of a server, which speaks HTTP/2, and of its clients.
func tlsConfigs(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	s := httptest.NewTLSServer(nil) // has a certificate
	defer s.Close()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return &tls.Config{Certificates: s.TLS.Certificates, NextProtos: []string{"h2"}}, &tls.Config{RootCAs: roots, ServerName: "example.com"}
}

func TestFormats(t *testing.T) {
	serverTLS, clientTLS := tlsConfigs(t)
	for name, row := range map[string]struct {
		format         codec.HTTPFormat
		server, client *tls.Config
		http2          bool
	}{
		"GRPC_H2C":      {format: grpcformat.Format{}, http2: true},
		"GRPC_TLS":      {format: grpcformat.Format{}, server: serverTLS, client: clientTLS, http2: true},
		"Web_HTTP1":     {format: grpcformat.Web{}},
		"Web_H2C":       {format: grpcformat.Web{}, http2: true},
		"WebText_HTTP1": {format: grpcformat.Web{Text: true}},
	} {
		t.Run(name, func(t *testing.T) {
			codectest.RunFormat(t, codectest.Format{
				FullDuplex: row.http2,
				Start: func(t *testing.T, h codec.Handler, server, client codec.Config) codectest.Server {
					l := serve(t, &httptransport.Server{Handler: handler(h, server), Limits: limitsOf(server)}, row.server)
					return codectest.Server{
						Cut: l.cut,
						Dial: func(*testing.T) codec.Conn {
							return row.format.Dial(&httptransport.Client{
								Dial: l.dial, Host: "localhost", TLS: row.client, HTTP2: row.http2, Limits: limitsOf(client),
							}, client)
						},
					}
				},
			})
		})
	}
}
