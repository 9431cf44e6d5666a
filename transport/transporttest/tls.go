package transporttest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/protomicro/micro/transport"
)

// shake does a handshake over a fresh connection, and closes what came of it when the test ends.
func shake(t *testing.T, n *network, server, client *tls.Config) (sc, cc *tls.Conn, serverErr, clientErr error) {
	t.Helper()
	a, b := n.pair(t)
	var wg sync.WaitGroup
	wg.Go(func() { sc, serverErr = transport.ServerTLS(t.Context(), b, server) })
	cc, clientErr = transport.ClientTLS(t.Context(), a, n.addr, client)
	wg.Wait()
	return sc, cc, serverErr, clientErr
}

func handshakeVerifies(t *testing.T, n *network) {
	certs := newCerts(t)
	sc, cc, serverErr, clientErr := shake(t, n, certs.server, certs.client)
	if serverErr != nil || clientErr != nil {
		t.Fatalf("handshake: server %v, client %v", serverErr, clientErr)
	}
	wantAlive(t, cc, sc)

	strange := certs.client.Clone()
	strange.RootCAs = x509.NewCertPool()
	_, _, _, err := shake(t, n, certs.server, strange)
	wantError(t, "ClientTLS", err, n.addr, nil)
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); !ok {
		t.Errorf("ClientTLS = %v, want x509.UnknownAuthorityError", err)
	}

	misnamed := certs.client.Clone()
	misnamed.ServerName = "elsewhere.example"
	_, _, _, err = shake(t, n, certs.server, misnamed)
	wantError(t, "ClientTLS", err, n.addr, nil)
	if _, ok := errors.AsType[x509.HostnameError](err); !ok {
		t.Errorf("ClientTLS = %v, want x509.HostnameError", err)
	}
}

func handshakeRefusesOldTLS(t *testing.T, n *network) {
	certs := newCerts(t)
	old := certs.client.Clone()
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	a, b := n.pair(t)
	var wg sync.WaitGroup
	wg.Go(func() {
		_ = tls.Client(a, old).HandshakeContext(t.Context())
		_ = a.Close()
	})
	lax := certs.server.Clone()
	lax.MinVersion = tls.VersionTLS10
	if _, err := transport.ServerTLS(t.Context(), b, lax); err == nil {
		t.Error("ServerTLS accepts TLS 1.1")
	}
	wg.Wait()
	if lax.MinVersion != tls.VersionTLS10 {
		t.Error("ServerTLS changes its argument")
	}
}

func handshakeEndsWithContext(t *testing.T, n *network) {
	certs := newCerts(t)
	for name, handshake := range map[string]func(context.Context, net.Conn) (*tls.Conn, error){
		"ClientTLS": func(ctx context.Context, nc net.Conn) (*tls.Conn, error) {
			return transport.ClientTLS(ctx, nc, n.addr, certs.client)
		},
		"ServerTLS": func(ctx context.Context, nc net.Conn) (*tls.Conn, error) {
			return transport.ServerTLS(ctx, nc, certs.server)
		},
	} {
		silent, nc := n.pair(t)
		ctx, cancel := context.WithTimeout(t.Context(), moment)
		within(t, name, func() {
			if _, err := handshake(ctx, nc); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s with a silent peer = %v, want context.DeadlineExceeded", name, err)
			}
		})
		cancel()
		if _, err := io.Copy(io.Discard, silent); err != nil {
			t.Errorf("%s leaves the connection open: %v", name, err)
		}
	}
}

// serverNameFromAddr leaves the name to verify to the address, which a transport may have or not have.
func serverNameFromAddr(t *testing.T, n *network) {
	certs := newCerts(t)
	nameless := certs.client.Clone()
	nameless.ServerName = ""
	_, _, _, err := shake(t, n, certs.server, nameless)
	host, _, splitErr := net.SplitHostPort(n.addr)
	if splitErr == nil && net.ParseIP(host) != nil {
		if err != nil {
			t.Errorf("ClientTLS to %s without ServerName = %v", n.addr, err)
		}
		return
	}
	wantError(t, "ClientTLS", err, n.addr, nil)
	if err != nil && !strings.Contains(err.Error(), "ServerName") {
		t.Errorf("ClientTLS to %s without ServerName = %v, want an error that says so", n.addr, err)
	}
}
