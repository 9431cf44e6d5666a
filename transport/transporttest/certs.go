package transporttest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/protomicro/micro/transport"
)

const serverName = "transporttest.example"

// certs are a certificate that its server signed itself, and the configurations of those who use it.
type certs struct{ server, client *tls.Config }

func newCerts(t *testing.T) *certs {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		DNSNames:     []string{serverName},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	return &certs{
		server: &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}},
		client: &tls.Config{RootCAs: roots, ServerName: serverName},
	}
}

// A tlsTransport is TLS over another transport. Its listeners accept a connection once the handshake is done.
type tlsTransport struct {
	transport.Transport
	certs *certs
}

func (tr *tlsTransport) Dial(ctx context.Context, addr string) (net.Conn, error) {
	nc, err := tr.Transport.Dial(ctx, addr)
	if err != nil {
		return nil, err
	}
	tc, err := transport.ClientTLS(ctx, nc, addr, tr.certs.client)
	if err != nil {
		return nil, err
	}
	return tc, nil
}

func (tr *tlsTransport) Listen(ctx context.Context, addr string) (net.Listener, error) {
	l, err := tr.Transport.Listen(ctx, addr)
	if err != nil {
		return nil, err
	}
	return &tlsListener{l, tr.certs.server}, nil
}

type tlsListener struct {
	net.Listener
	cfg *tls.Config
}

func (l *tlsListener) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tc, err := transport.ServerTLS(ctx, nc, l.cfg)
	if err != nil {
		return nil, err
	}
	return tc, nil
}
