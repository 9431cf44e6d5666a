// Grpc-client is the client of gRPC's interop test cases: a runtime.Client that calls in the format gRPC.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"maps"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

const timeout = 30 * time.Second // of a test case

// options are what the flags say of the connection.
type options struct {
	host       string
	port       uint
	serverName string
	tls        bool
	testCA     bool
	caFile     string
}

func main() {
	var o options
	flag.StringVar(&o.host, "server_host", "localhost", "the server's `host`")
	flag.UintVar(&o.port, "server_port", 10000, "its `port`")
	flag.StringVar(&o.serverName, "server_host_override", "", "the `name` in the server's certificate, if not the host")
	flag.BoolVar(&o.tls, "use_tls", false, "use TLS")
	flag.BoolVar(&o.testCA, "use_test_ca", false, "trust the certificate authority of ca_file alone")
	flag.StringVar(&o.caFile, "ca_file", "", "a PEM `file`")
	known := strings.Join(slices.Sorted(maps.Keys(cases())), ", ")
	names := flag.String("test_case", "large_unary", "the test cases, separated by commas: "+known)
	flag.Parse()
	if err := run(o, strings.Split(*names, ",")); err != nil {
		fmt.Fprintln(os.Stderr, "grpc-client:", err)
		os.Exit(1)
	}
}

func run(o options, names []string) error {
	s, err := o.session()
	if err != nil {
		return err
	}
	defer func() { _ = s.conn.Close() }()
	for _, name := range names {
		test, ok := cases()[name]
		if !ok {
			return fmt.Errorf("there is no test case %q", name)
		}
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		err := test(ctx, s)
		cancel()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (o *options) session() (*session, error) {
	addr := net.JoinHostPort(o.host, strconv.FormatUint(uint64(o.port), 10))
	if !o.tls {
		return newSession("h2c://"+addr, nil), nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: o.serverName}
	if o.testCA {
		pem, err := os.ReadFile(o.caFile)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s has no certificate", o.caFile)
		}
	}
	return newSession("https://"+addr, config), nil
}
