// Connect-server is the server under test of the Connect conformance suite: a runtime.Server, set up as its users do.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/protomicro/micro/codec"
	"github.com/protomicro/micro/conformance/gen/conformancev1"
	"github.com/protomicro/micro/conformance/internal/suite"
	"github.com/protomicro/micro/runtime"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "connect-server:", err)
		os.Exit(1)
	}
}

// run serves what the runner asks for until ctx ends.
func run(ctx context.Context) error {
	req := new(conformancev1.ServerCompatRequest)
	if err := suite.Read(os.Stdin, req); err != nil {
		return err
	}
	config, err := tlsConfig(req)
	if err != nil {
		return err
	}
	server := &runtime.Server{
		TLS:         config,
		Compression: codec.Compression{MinBytes: 1}, // the suite's messages are short
		Limits:      codec.Limits{MessageBytes: int(req.GetMessageReceiveLimit())},
	}
	conformancev1.RegisterConformanceServiceServer(server, service{})
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	addr, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		return fmt.Errorf("%s is no address of TCP", l.Addr())
	}
	res := &conformancev1.ServerCompatResponse{
		Host:    addr.IP.String(),
		Port:    uint32(addr.Port), //nolint:gosec // a port has 16 bits
		PemCert: req.GetServerCreds().GetCert(),
	}
	if err := suite.Write(os.Stdout, res); err != nil {
		return errors.Join(err, l.Close())
	}
	return server.Serve(ctx, l)
}

// tlsConfig returns nil for a server without TLS.
func tlsConfig(req *conformancev1.ServerCompatRequest) (*tls.Config, error) {
	if !req.GetUseTls() {
		return nil, nil
	}
	cert, err := tls.X509KeyPair(req.GetServerCreds().GetCert(), req.GetServerCreds().GetKey())
	if err != nil {
		return nil, err
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}}
	if pem := req.GetClientTlsCert(); len(pem) > 0 {
		config.ClientAuth = tls.RequireAndVerifyClientCert
		config.ClientCAs = x509.NewCertPool()
		if !config.ClientCAs.AppendCertsFromPEM(pem) {
			return nil, errors.New("the certificate to trust clients by cannot be read")
		}
	}
	return config, nil
}
