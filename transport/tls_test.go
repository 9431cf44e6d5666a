package transport_test

import (
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/protomicro/micro/transport"
	"github.com/protomicro/micro/transport/memtransport"
)

// TestClientTLS_NeedsANameToVerify gives addresses that have no host: the connection is closed before a byte is sent.
func TestClientTLS_NeedsANameToVerify(t *testing.T) {
	for _, addr := range []string{"weather", "/run/weather.sock", "/run/a:1", ":443"} {
		for _, cfg := range []*tls.Config{nil, {}} {
			client, server := memtransport.Pipe()
			_, err := transport.ClientTLS(t.Context(), client, addr, cfg)
			if err == nil || !strings.Contains(err.Error(), addr) || !strings.Contains(err.Error(), "ServerName") {
				t.Errorf("%s: %v, want an error that names the address and ServerName", addr, err)
			}
			if sent, err := io.ReadAll(server); err != nil || len(sent) != 0 {
				t.Errorf("%s: the peer reads %q, %v, want nothing and the end", addr, sent, err)
			}
		}
	}
}

// TestClientTLS_AsksForTheHost reads the name that the client tells the server.
func TestClientTLS_AsksForTheHost(t *testing.T) {
	for _, test := range []struct{ addr, name, want string }{
		{"weather.example:443", "", "weather.example"},
		{"weather.example:443", "other.example", "other.example"},
		{"weather", "other.example", "other.example"},
	} {
		client, server := memtransport.Pipe()
		var got string
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = transport.ServerTLS(t.Context(), server, &tls.Config{
				GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
					got = hello.ServerName
					return nil, net.ErrClosed
				},
			})
		}()
		cfg := &tls.Config{ServerName: test.name}
		if _, err := transport.ClientTLS(t.Context(), client, test.addr, cfg); err == nil {
			t.Errorf("%v: a handshake without a certificate succeeds", test)
		}
		<-done
		if got != test.want || cfg.ServerName != test.name {
			t.Errorf("%v: the server is asked for %q, want %q; the argument has %q", test, got, test.want, cfg.ServerName)
		}
	}
}
